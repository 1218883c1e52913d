package inspect

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

func TestEachFunctionOfTheContractIsExplained(t *testing.T) {
	for _, c := range instance.Contracts() {
		about := aboutExports[c.Name]
		if about.about == "" || (about.instead != "") != c.Optional {
			t.Errorf("export %s is optional: %v, and is explained by %+v", c.Name, c.Optional, about)
		}
	}
	for module, about := range map[string]map[string]string{abi.ImportModule: aboutImports, wasiModule: aboutWASI} {
		want := hostfuncs.Names(module)
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(about)); !slices.Equal(got, want) {
			t.Errorf("of module %s, %q are explained, and %q exist", module, got, want)
		}
	}
}

func TestTheBuiltInGuestIsDescribed(t *testing.T) {
	t.Parallel()
	r := Module(assets.Router)
	if r.Refusal != "" || len(r.Missing) > 0 || r.Memory == nil || !r.Memory.Exported || r.Toolchain.Language != "go" || len(r.Functions) != maxLargest {
		t.Errorf("the report is %+v", r)
	}
	for _, e := range r.Exports {
		if e.About == "" || e.Kind == "func" && e.Signature == "" {
			t.Errorf("the export is %+v", e)
		}
	}
	for _, i := range r.Imports {
		if i.About == "" || i.Signature == "" {
			t.Errorf("the import is %+v", i)
		}
	}
	if !slices.IsSortedFunc(r.Functions, func(a, b Function) int { return b.Bytes - a.Bytes }) {
		t.Errorf("the largest functions are %+v", r.Functions)
	}
	m := r.Meter
	if m == nil || m.CodeAfter <= m.CodeBefore || m.InstructionsAfter <= m.InstructionsBefore || m.Charges == 0 || m.Marks == 0 {
		t.Errorf("the meter adds %+v", m)
	}
	size := 8 // of the header
	for _, s := range r.Sections {
		size += s.Bytes
	}
	if size != r.Bytes {
		t.Errorf("the sections have %d bytes: expected %d", size, r.Bytes)
	}
}

// custom returns a sound guest with a custom section.
func custom(name, data string) []byte {
	body := append(wasm.AppendU32(nil, uint32(len(name))), name+data...)
	return append(wasm.AppendU32(append(wasmtest.Sound().Wasm(), 0), uint32(len(body))), body...)
}

func TestHintsNameWhatToChange(t *testing.T) {
	const clang = "\x01\x0cprocessed-by\x01\x05clang\x0414.0"
	for name, c := range map[string]struct {
		wasm []byte
		want string
	}{
		"debug sections":                      {custom(".debug_info", "x"), "sections for debuggers, which the host drops (.debug_info): remove them with wasm-tools strip"},
		"no names":                            {wasmtest.Sound().Wasm(), "it has no names of functions"},
		"an object file":                      {custom("linking", "\x02"), "link it with wasm-ld"},
		"no names, from clang":                {custom("producers", clang), "link without -s"},
		"no names, from an unknown toolchain": {custom("producers", "\xff\xff\xff\xff\x0f"), "build without stripping"},
	} {
		t.Run(name, func(t *testing.T) {
			if r := Module(c.wasm); !strings.Contains(strings.Join(r.Hints, "\n"), c.want) {
				t.Errorf("the hints are %q: expected %q", r.Hints, c.want)
			}
		})
	}
}

func TestBrokenGuestsAreDescribedAsFarAsPossible(t *testing.T) {
	want := map[string]string{
		"a command":                                "it is a command",
		"a typo in a required export":              "rename it to te_route",
		"a typo in an optional export":             "rename it to te_authorize",
		"a memory that is not exported":            "it does not export its memory",
		"AssemblyScript's abort":                   "--use abort=",
		"imported memory":                          "no --import-memory",
		"a typo in a host function":                "did you mean tenant_by_domain?",
		"wasm-bindgen":                             "without wasm-bindgen",
		"a flood of log lines and a panic in init": "",
	}
	for _, b := range wasmtest.BrokenGuests() {
		r := Module(b.Wasm)
		if hint, ok := want[b.Name]; ok && !strings.Contains(strings.Join(r.Hints, "\n"), hint) {
			t.Errorf("%s: the hints are %q: expected %q", b.Name, r.Hints, hint)
		}
		delete(want, b.Name)
		if b.Name == "a truncated module" && (len(r.Imports)+len(r.Sections) == 0 || r.Refusal == "") {
			t.Errorf("%s: the report is %+v", b.Name, r)
		}
	}
	if len(want) > 0 {
		t.Errorf("these guests do not exist: %v", want)
	}
}

// Whatever the bytes are, the report is bounded, has no unprintable names, and is
// valid JSON.
func FuzzModule(f *testing.F) {
	for _, b := range wasmtest.BrokenGuests() {
		if len(b.Wasm) < 1<<16 {
			f.Add(b.Wasm)
		}
	}
	f.Add(wasmtest.Kernels)
	f.Add(custom("name", "\x01\x05\x01\x00\x02\x1b["))
	f.Add(custom("producers", "\x01\x08language\x01\x02Go\x031.2"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := Module(b)
		if len(r.Exports) > maxListed || len(r.Imports) > maxListed || len(r.Sections) > maxListed || len(r.Functions) > maxLargest || len(r.Hints) > maxListed+20 {
			t.Errorf("the report is too long: %+v", r)
		}
		text, err := json.Marshal(r)
		if err != nil || strings.Contains(string(text), `\u000`) || strings.Contains(string(text), `\u001`) {
			t.Errorf("%v in %s", err, text)
		}
	})
}
