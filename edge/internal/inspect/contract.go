package inspect

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// Export is an export of a guest.
type Export struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Signature string `json:"signature,omitempty"` // of a function
	About     string `json:"about,omitempty"`     // empty: the contract does not have it
}

// Import is an import of a guest.
type Import struct {
	Module    string `json:"module"`
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Signature string `json:"signature,omitempty"`
	About     string `json:"about,omitempty"` // empty: the host does not provide it
}

// Missing is a function that a guest does not export.
type Missing struct {
	Name     string `json:"name"`
	Required bool   `json:"required"`
	Instead  string `json:"instead"` // what to do, or what the host does without it
}

// aboutExports explains the exports of guest/abi. instead is the host's default
// without an optional one.
var aboutExports = map[string]struct{ about, instead string }{
	abi.ExportVersion:    {about: "returns the version of the contract"},
	abi.ExportBuffer:     {about: "returns the buffer for messages to the guest"},
	abi.ExportConfigure:  {about: "takes the configuration"},
	abi.ExportRoute:      {about: "decides the tenant of a request"},
	abi.ExportCacheKey:   {"makes the cache key of a tenant", "cache keys are made as by the default guest"},
	abi.ExportReverseKey: {"takes a cache key apart", "cache keys are taken apart as by the default guest"},
	abi.ExportPathname:   {"decides the folder and the URLs of a tenant's files", "tenants' folders and URLs are those of the default guest"},
	abi.ExportAuthorize:  {"decides about private files", "private files are denied"},
	abi.ExportSelfTest:   {"tests the guest when it is loaded", "the host tests it only with made-up requests"},
	abi.ExportOpen:       {"accepts or rejects a websocket", "websockets of consumers are rejected"},
	abi.ExportMessage:    {"handles a message of a websocket", "websockets of consumers are rejected"},
	abi.ExportClose:      {"learns that a websocket closed", "the guest does not learn of it"},
	abi.ExportGroup:      {"handles a message to a group of websockets", "such messages are dropped"},
	abi.ExportTimer:      {"handles the timer of a websocket", "timers are dropped"},
	abi.ExportInitialize: {about: "initializes the program; the host calls it once"},
	"_start":             {about: "runs a command; the host does not call it"},
	abi.ExportMemory:     {about: "the memory, which the host reads and writes"},
}

// aboutImports explains the functions of the module abi.ImportModule.
var aboutImports = map[string]string{
	abi.ImportTenantByDomain:    "finds a tenant by domain and folder",
	abi.ImportTenantByReference: "finds a tenant by id or schema name",
	abi.ImportPrimaryDomain:     "finds the primary domain of a tenant",
	abi.ImportQuery:             "runs a statement of the configuration in the database",
	abi.ImportLog:               "writes a line to the host's log",
	abi.ImportLogAttrs:          "writes a line with attributes to the host's log",
	abi.ImportClock:             "returns the time",
	abi.ImportRandom:            "returns random bytes",
	abi.ImportFileOpen:          "opens a file of the tenant",
	abi.ImportFileRead:          "reads from a file",
	abi.ImportFileWrite:         "appends to a new file",
	abi.ImportFileClose:         "closes a file, or saves a new one",
	abi.ImportFileStat:          "returns size and time of a file",
	abi.ImportFileList:          "lists a folder",
	abi.ImportFileDelete:        "deletes a file",
	abi.ImportFileURL:           "returns the URL of a file",
}

const wasiModule = "wasi_snapshot_preview1"

// aboutWASI explains the WASI functions that hosts provide.
var aboutWASI = map[string]string{
	"args_get":            "returns the program name \"guest\"",
	"args_sizes_get":      "returns the size of the program name",
	"environ_get":         "returns an empty environment",
	"environ_sizes_get":   "returns an empty environment",
	"clock_time_get":      "returns the time",
	"clock_res_get":       "returns the resolution of the clock",
	"random_get":          "returns random bytes",
	"sched_yield":         "does nothing",
	"fd_write":            "prints to the host's log",
	"fd_prestat_get":      "returns an errno: there are no folders",
	"fd_prestat_dir_name": "returns an errno: there are no folders",
	"fd_fdstat_get":       "returns an errno: there are no files",
	"fd_close":            "returns an errno: there are no files",
	"poll_oneoff":         "sleeps",
	"proc_exit":           "ends the call with an error",
}

// signature returns the signature of a type by its index.
func (in *inspector) signature(index uint32) string {
	if int(index) >= in.m.Types.Len() {
		return ""
	}
	t := in.m.Types.At(int(index))
	if len(t.Params)+len(t.Results) > maxArity {
		return fmt.Sprintf("(%d parameters) -> (%d results)", len(t.Params), len(t.Results))
	}
	return hostfuncs.Signature(t.Params, t.Results)
}

const maxArity = 20

// signatureOf returns the signature of a function by its index.
func (in *inspector) signatureOf(index uint32) string {
	if int(index) < len(in.functions) {
		return in.signature(in.functions[index])
	}
	if own := int(index) - len(in.functions); own < in.m.Functions.Len() {
		return in.signature(uint32(in.m.Functions.At(own)))
	}
	return ""
}

func (in *inspector) exports() {
	for _, i := range in.m.Imports.All() {
		if i.Kind == wasm.KindFunc {
			in.functions = append(in.functions, i.Type)
		}
	}
	found := map[string]bool{}
	for n, e := range in.m.Exports.All() {
		if e.Kind == wasm.KindFunc {
			found[e.Name] = true
		}
		if n >= maxListed {
			in.Omitted++
			continue
		}
		out := Export{Name: clean(e.Name), Kind: e.Kind.String(), About: aboutExports[e.Name].about}
		if e.Kind == wasm.KindFunc {
			out.Signature = in.signatureOf(e.Index)
		}
		if (e.Kind == wasm.KindFunc) == (e.Name == abi.ExportMemory) {
			out.About = ""
		}
		in.Exports = append(in.Exports, out)
	}
	for _, c := range instance.Contracts() {
		if found[c.Name] {
			continue
		}
		missing := Missing{Name: c.Name, Required: !c.Optional, Instead: aboutExports[c.Name].instead}
		if missing.Required {
			missing.Instead = "export it as " + c.Signature + ", which " + aboutExports[c.Name].about
		}
		in.Missing = append(in.Missing, missing)
	}
}

func (in *inspector) imports() {
	for n, i := range in.m.Imports.All() {
		if n >= maxListed {
			in.Omitted++
			continue
		}
		out := Import{Module: clean(i.Module), Name: clean(i.Name), Kind: i.Kind.String()}
		if i.Kind == wasm.KindFunc {
			out.Signature = in.signature(i.Type)
			out.About = aboutImport(i.Module, i.Name)
		}
		in.Imports = append(in.Imports, out)
	}
}

// aboutImport returns a phrase about an imported function, or the empty string if the
// host does not provide it.
func aboutImport(module, name string) string {
	switch {
	case module == abi.ImportModule:
		return aboutImports[name]
	case module == wasiModule && aboutWASI[name] != "":
		return "WASI: " + aboutWASI[name]
	case module == wasiModule:
		return "WASI: returns an errno, since guests do not have it"
	}
	return ""
}
