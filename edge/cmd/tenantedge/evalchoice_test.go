package main

import (
	"strings"
	"testing"
)

const placed = `tenants:
  default:
    STATUS: {attribute: status, values: {suspended: page, moving: moving}}
    URLCONF:
      attribute: cell
      values:
        eu1: app-eu1
        us1: app-us1
    WS_URLCONF: {attribute: cell, values: {eu1: ws}, default: none}
directory:
  source: file
  tenants:
    - {id: 1, schema_name: acme, cell: eu1, status: active}
    - {id: 2, schema_name: beta, cell: us1, status: suspended}
    - {id: 3, schema_name: move, cell: us1, status: moving}
    - {id: 4, schema_name: lost, cell: mars}
    - {id: 5, schema_name: near, cell: us1}
    - {id: 6, schema_name: bare}
  domains:
    - {tenant_id: 1, domain: acme.example.com}
    - {tenant_id: 2, domain: beta.example.com}
    - {tenant_id: 3, domain: move.example.com}
    - {tenant_id: 4, domain: lost.example.com}
    - {tenant_id: 5, domain: near.example.com}
urlconfs:
  app-eu1: http://127.0.0.1:8000
  app-us1: http://127.0.0.1:8001
  page: {reply: {status: 402}}
  moving: {hold: {}}
ws_urlconfs: {ws: [{path: "a/", name: a}], none: []}
`

func TestEvalExplainsWhichAttributeChose(t *testing.T) {
	config := writeFile(t, "edge.yaml", placed)
	for host, expected := range map[string][]string{
		"acme": {"urlconf     app-eu1, served by http://127.0.0.1:8000", "chosen by   attribute cell is eu1: tenants.default.URLCONF.values.eu1 (", "edge.yaml:7)", "websockets  attribute cell is eu1: tenants.default.WS_URLCONF.values.eu1 ("},
		"beta": {"urlconf     page, answered with 402", "chosen by   attribute status is suspended: tenants.default.STATUS.values.suspended (", "edge.yaml:3)"},
		"move": {"urlconf     moving, where requests wait for up to 30s", "attribute status is moving"},
		"lost": {"refused     404", `why         no urlconf is configured for the tenant's attribute cell, which is "mars"`},
		"near": {"chosen by   attribute cell is us1: ", `websockets  attribute cell is "us1", which is not listed: tenants.default.WS_URLCONF.default (`},
	} {
		code, stdout, stderr := command("", "eval", "-c", config, "-r", "GET http://"+host+".example.com/")
		if code != exitOK {
			t.Errorf("%s: exit %d, %s", host, code, stderr)
		}
		for _, part := range expected {
			if !strings.Contains(stdout, part) {
				t.Errorf("%s: expected %q in\n%s", host, part, stdout)
			}
		}
	}
}

func TestCheckWarnsAboutValuesThatChooseNothing(t *testing.T) {
	code, stdout, stderr := command("", "check", "-c", writeFile(t, "edge.yaml", placed))
	if code != exitOK {
		t.Errorf("exit %d, %s", code, stderr)
	}
	for _, part := range []string{
		`tenant "4" (schema "lost"): has the attribute cell "mars", which tenants.default.urlconf does not list: its requests are refused; correct the row, or list the value`,
		`tenant "6" (schema "bare"): has no attribute cell: its requests are refused; correct the row, or list the value`,
		`tenant "5" (schema "near"): has the attribute cell "us1", which tenants.default.ws_urlconf does not list: "none" serves it, the default; correct the row, or list the value`,
	} {
		if !strings.Contains(stdout+stderr, part) {
			t.Errorf("expected %q in\n%s%s", part, stdout, stderr)
		}
	}
	if strings.Contains(stdout+stderr, "acme") {
		t.Errorf("acme is valid: %s%s", stdout, stderr)
	}
}
