package rules_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/rules"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

var compiled string

func TestMain(m *testing.M) {
	var err error
	if compiled, err = wasmtest.CompileCache("rules"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

var urlconfs = []string{"app", "beta", "a-much-longer-name-of-a-urlconf-that-no-tenant-has-otherwise"}

func TestRulesChangeDecisions(t *testing.T) {
	all, err := rules.Parse(`
		# the first rule that matches decides
		t1 /beta   -> beta
		*  /beta/x -> 404
		t2 /two/   -> a-much-longer-name-of-a-urlconf-that-no-tenant-has-otherwise
		www /      -> beta
		*  /a%20b  -> beta
		*  /spin   -> spin
	`, urlconfs)
	if err != nil {
		t.Fatal(err)
	}
	guest, err := rules.Link(assets.Router, all)
	if err != nil {
		t.Fatal(err)
	}
	dir := tenantdb.NewDirectory(tenantdb.Options{})
	dir.Replace(tenantdb.State{
		Tenants: []tenantdb.Tenant{{ID: "1", Schema: "t1"}, {ID: "2", Schema: "t2"}},
		Domains: []tenantdb.Domain{
			{TenantID: "1", Domain: "t1.example.com", IsPrimary: true}, {TenantID: "1", Domain: "old.example.com", RedirectToPrimary: true},
			{TenantID: "2", Domain: "shared.example.com", Folder: "two", IsPrimary: true},
		},
	})
	host, err := edge.New(t.Context(), edge.Config{
		Guest: guest, Directory: dir, CompileCache: compiled,
		GuestConfig: abi.Config{Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"example.com"}, URLConf: "app"}}, Default: &abi.DefaultTenant{URLConf: "app"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	for _, c := range []struct{ host, target, want string }{
		{"t1.example.com", "/", "tenant t1 app"},
		{"t1.example.com", "/beta", "tenant t1 beta"},
		{"t1.example.com", "/beta/x", "tenant t1 beta"},
		{"t1.example.com", "/beta?q", "tenant t1 beta"},
		{"t1.example.com", "/betamax", "tenant t1 app"},
		{"t1.example.com", "/bet", "tenant t1 app"},
		{"t1.example.com", "/BETA", "tenant t1 app"},
		{"t1.example.com", "/a%20b/c", "tenant t1 beta"},
		{"shared.example.com", "/two/beta", "tenant t2 " + urlconfs[2]},
		{"shared.example.com", "/two", "tenant t2 app"},
		{"example.com", "/anything", "tenant www beta"},
		{"example.com", "/beta/x", "not_found"},
		{"old.example.com", "/beta", "redirect"},
		{"unknown.example.com", "/beta", "not_found"},
		{"t1.example.com", "/spin", "failed"},
		{"t1.example.com", "/beta", "tenant t1 beta"}, // afterwards
	} {
		d, err := host.Route(context.Background(), &edge.Request{Method: "GET", Scheme: "http", Host: c.host, Target: c.target})
		got := d.Outcome.String()
		switch {
		case errors.Is(err, edge.ErrGuest):
			got = "failed"
		case err != nil:
			t.Fatal(err)
		case d.Outcome == abi.Tenant:
			got += " " + d.Tenant.Schema + " " + d.Tenant.URLConf
		}
		if got != c.want {
			t.Errorf("%s%s: %s, expected %s", c.host, c.target, got, c.want)
		}
	}
}

func TestMistakesHaveAPlaceAndARemedy(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"t1 /beta beta", `line 1, column 10: expected ->, found "beta"; put it between`},
		{"# fine\n\n  t1 beta -> beta", `line 3, column 6: expected a path that begins with /, found "beta"`},
		{"t1 /ä -> beta", `line 1, column 4: expected a path`},
		{"t1", `line 1, column 3: expected a path that begins with /, found the end of the line`},
		{"é/ /x", `line 1, column 1: expected the name of a tenant`},
		{"* /x -> gone", `line 1, column 9: expected one of app, beta, a-much-longer-name-of-a-urlconf-that-no-tenant-has-otherwise, 404 and spin, found "gone"`},
		{"* /x -> app app", `line 1, column 13: expected the end of the line, found "app"`},
		{"<script> /x -> app", `line 1, column 1: expected the name of a tenant, or * for all, found "<script>"`},
		{strings.Repeat("* /x -> app\n", rules.MaxRules+1), `line 33, column 1: expected at most 32 rules`},
		{strings.Repeat("#", rules.MaxText+1), `expected rules of at most 4096 bytes, found 4097`},
	} {
		_, err := rules.Parse(c.text, urlconfs)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: %v, expected %s", c.text, err, c.want)
		}
	}
}

func TestOnlyAGuestCanBeLinked(t *testing.T) {
	for _, module := range [][]byte{nil, []byte("\x00asm\x01\x00\x00\x00")} {
		if _, err := rules.Link(module, nil); err == nil {
			t.Errorf("%q was linked", module)
		}
	}
}

// tiny returns a guest that always replies 0.
func tiny(t testing.TB) []byte {
	m, err := wasm.Decode([]byte("\x00asm\x01\x00\x00\x00"))
	if err != nil {
		t.Fatal(err)
	}
	m.Memories.Add(wasm.Memory{Limits: wasm.Limits{Min: 2}})
	for name, f := range map[string]struct {
		result wasm.ValType
		zero   byte
	}{abi.ExportBuffer: {wasm.I32, byte(wasm.OpI32Const)}, abi.ExportRoute: {wasm.I64, byte(wasm.OpI64Const)}} {
		m.Functions.Add(wasm.Func(m.Types.Add(wasm.Type{Params: []wasm.ValType{wasm.I32}, Results: []wasm.ValType{f.result}})))
		index := m.Code.Add(wasm.Body{Bytes: []byte{0, f.zero, 0, byte(wasm.OpEnd)}})
		m.Exports.Add(wasm.Export{Name: name, Kind: wasm.KindFunc, Index: uint32(index)})
	}
	return m.Encode()
}

// Any text is refused with a place in it, or becomes a valid module.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "t1 /beta -> beta", "* / -> spin\n* /a/ -> 404 # x", "\t\r\n* /\xff", strings.Repeat("* /x -> app\n", rules.MaxRules)} {
		f.Add(seed)
	}
	guest := tiny(f)
	f.Fuzz(func(t *testing.T, text string) {
		all, err := rules.Parse(text, urlconfs)
		if err != nil {
			var at *rules.Error
			if !errors.As(err, &at) || at.Line < 1 || at.Column < 1 || at.Line > strings.Count(text, "\n")+1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		linked, err := rules.Link(guest, all)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := rules.Link(guest, all)
		if !bytes.Equal(linked, again) {
			t.Error("the same rules give two guests")
		}
		r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
		defer r.Close(t.Context())
		m, err := r.Instantiate(t.Context(), linked)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got, err := m.ExportedFunction(abi.ExportRoute).Call(t.Context(), 0); err != nil || got[0] != 0 {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	})
}
