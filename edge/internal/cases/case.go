package cases

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/explain"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Case is a question to a guest, and the expected answer. One of the questions is
// set.
type Case struct {
	config.Position        // in File
	File            string // its name

	Name       string           `key:"name,required,nonempty"`
	Request    *explain.Request `key:"request"`
	CacheKey   *CacheKey        `key:"cache_key"`
	ReverseKey *config.Text     `key:"reverse_key"`
	Pathname   *Pathname        `key:"pathname"`
	Authorize  *Authorize       `key:"authorize"`
	Websocket  *Event           `key:"websocket"`
	Expect     Expect           `key:"expect,required"`
	Fuel       int64            `key:"fuel,min=1"` // upper limit; 0: none
}

// CacheKey asks for a cache key.
type CacheKey struct {
	Schema  config.Text `key:"schema"` // empty: public
	Prefix  config.Text `key:"prefix"`
	Version config.Text `key:"version"`
	Key     config.Text `key:"key"`
}

// Pathname asks where a file is.
type Pathname struct {
	Schema         string       `key:"schema"` // empty: public
	Folder         string       `key:"folder"`
	SchemaPathname *config.Text `key:"schema_pathname"`
	Location       string       `key:"location"`
	BaseURL        string       `key:"base_url"`
	File           *config.Text `key:"file"`
}

// Authorize asks whether a request may have a private file.
type Authorize struct {
	Schema  string          `key:"schema,required,nonempty"`
	Method  string          `key:"method"` // empty: GET
	Name    *string         `key:"name"`   // of the file; nil: the path names none
	Path    string          `key:"path"`
	Host    string          `key:"host"`
	Folder  string          `key:"folder"`
	URLConf string          `key:"urlconf"`
	Headers explain.Headers `key:"headers"`
}

// Event is an event of a websocket.
type Event struct {
	Event      string          `key:"event,required,one=open|message|close|group|timer"`
	Schema     string          `key:"schema"`
	TenantID   config.Text     `key:"tenant_id"` // empty: that of the schema in the directory
	Identifier config.Text     `key:"identifier"`
	Route      string          `key:"route"`
	State      config.Text     `key:"state"`
	Channel    string          `key:"channel"`
	Data       config.Text     `key:"data"`
	Hex        string          `key:"hex"` // instead of Data
	Binary     bool            `key:"binary"`
	Code       int64           `key:"code"`
	Kwargs     config.JSON     `key:"kwargs"`
	Path       string          `key:"path"`
	Protocols  []string        `key:"protocols"`
	Headers    explain.Headers `key:"headers"`
}

// question returns the question of c that is set and its key, or no key if none or
// several are set.
func (c *Case) question() (key string, asked asker) {
	n := 0
	for name, q := range map[string]asker{
		"request": (*routed)(c.Request), "cache_key": c.CacheKey, "reverse_key": (*reverseKey)(c.ReverseKey),
		"pathname": c.Pathname, "authorize": c.Authorize, "websocket": c.Websocket,
	} {
		if !reflect.ValueOf(q).IsNil() {
			key, asked, n = name, q, n+1
		}
	}
	if n != 1 {
		return "", nil
	}
	return key, asked
}

// Op returns the kind of the case's question: route, handshake, cache_key,
// reverse_key, pathname, authorize or the name of a websocket event.
func (c *Case) Op() string {
	switch {
	case c.Request != nil && c.Request.Websocket:
		return "handshake"
	case c.Request != nil:
		return "route"
	case c.Websocket != nil:
		return c.Websocket.Event
	}
	key, _ := c.question()
	return key
}

// check completes a case after decoding.
func (c *Case) check(p *problems, path string) {
	key, _ := c.question()
	if key == "" {
		p.add(c.Position, path, "expected one of request, cache_key, reverse_key, pathname, authorize and websocket, found none or several")
		return
	}
	if c.Request != nil {
		if err := c.Request.Complete(); err != nil {
			p.add(c.Position, path+".request", "%v", err)
		}
	}
	if e := c.Websocket; e != nil {
		if _, err := bytesOf(string(e.Data), e.Hex); err != nil {
			p.add(c.Position, path+".websocket", "%v", err)
		}
		if e.Code < 0 || e.Code > 0xffff {
			p.add(c.Position, path+".websocket.code", "expected the code of a close, found %d", e.Code)
		}
	}
	c.Expect.check(p, path+".expect", key)
}

// bytesOf returns the bytes of a text, or those written in hexadecimal.
func bytesOf(text, hexadecimal string) ([]byte, error) {
	if hexadecimal == "" {
		return []byte(text), nil
	}
	if text != "" {
		return nil, errors.New("expected data or hex, found both; remove one of them")
	}
	b, err := hex.DecodeString(strings.ReplaceAll(hexadecimal, " ", ""))
	if err != nil {
		return nil, fmt.Errorf("expected pairs of hexadecimal digits, found %q", hexadecimal)
	}
	return b, nil
}

// Exports has the export of the guest that answers each operation.
var Exports = map[string]string{
	configureOp: abi.ExportConfigure, "route": abi.ExportRoute, "handshake": abi.ExportRoute,
	"cache_key": abi.ExportCacheKey, "reverse_key": abi.ExportReverseKey, "pathname": abi.ExportPathname, "authorize": abi.ExportAuthorize,
	"open": abi.ExportOpen, "message": abi.ExportMessage, "close": abi.ExportClose, "group": abi.ExportGroup, "timer": abi.ExportTimer,
}

// configureOp is the operation of a file that expects that its configuration is
// rejected.
const configureOp = "configure"

// Ops returns the operations, sorted.
func Ops() []string { return slices.Sorted(maps.Keys(Exports)) }

// Refused returns the results of a file whose configuration the guest rejects with
// err, although the file does not expect it: every case fails.
func (f *File) Refused(err error) (results []Result) {
	for i := range f.Cases {
		c := &f.Cases[i]
		results = append(results, Result{File: c.File, Line: c.Line, Name: c.Name, Op: c.Op(), Differences: []Difference{{"error", "", err.Error()}}})
	}
	return results
}

// Rejection returns the result of a file with Rejects. err is the error of Open.
func (f *File) Rejection(err error) Result {
	r := Result{File: f.Name, Name: "the configuration is rejected", Op: configureOp}
	switch {
	case err == nil:
		r.Differences = []Difference{{"error", f.Rejects, ""}}
	case !strings.Contains(err.Error(), f.Rejects):
		r.Differences = []Difference{{"error", f.Rejects, err.Error()}}
	}
	return r
}
