package file

import (
	"fmt"
	"testing"
)

func TestPlainRowsNeedNoParser(t *testing.T) {
	for _, text := range []string{
		"tenants:\n- id: 1\n  schema_name: a\n",
		"# dump\ntenants:\n  - {id: 1, schema_name: a, x: '', y: \"b c\"}\n\n  # more\n  - { id: 2 , schema_name: \"b\" } \ndomains:\n",
		"domains:\n- tenant_id: 1\n  domain: 3d.example.com\n  folder:\n  is_primary: true\n- tenant_id: a-b\n  domain: x\ntenants:",
	} {
		if _, plain := decodePlain([]byte(text)); !plain {
			t.Errorf("left to the parser: %s", text)
		}
	}
}

func TestOtherRowsAreLeftToTheParser(t *testing.T) {
	for _, text := range []string{
		"", "x: 1", "tenants: []", "tenants:\ntenants:", "- id: 1", "tenants:\n- id: 007\n  schema_name: a",
		"tenants:\n- id: 1.5\n  schema_name: a", "tenants:\n- id: 1\n  schema_name: Null", "tenants:\n- id: 1\n  schema_name: \"\\u0041\"",
		"tenants:\n- id: 1\n  schema_name: 'it''s'", "tenants:\n- id: 1 # one\n  schema_name: a", "tenants:\n- id: 1\n   schema_name: a",
		"tenants:\n- {id: 1, schema_name: a", "tenants:\n- {id: 1, schema_name: a} x", "tenants:\n- &a {id: 1, schema_name: a}",
		"tenants:\n- id: 1\n  schema_name: a\n  x:\n    - 1", "tenants:\n- id: 1\r\n  schema_name: a", "tenants:\n- id: 1\n  schema_name: 2026-01-02",
		"tenants:\n- {}", "tenants:\n- {id: 1,}", "tenants:\n-\n  id: 1\n  schema_name: a",
	} {
		if _, plain := decodePlain([]byte(text)); plain {
			t.Errorf("accepted as plain: %q", text)
		}
	}
}

// Whatever the plain reader accepts, the parser accepts with the same result.
func FuzzPlainAgreesWithTheParser(f *testing.F) {
	for _, text := range []string{
		"tenants:\n- id: 1\n  schema_name: a\n  x: 1e5\ndomains:\n- {tenant_id: 1, domain: 3d.io, is_primary: true}\n",
		"tenants:\n  - {id: 'a b', schema_name: \"c: d\", y: _1, z: 0x1f}\n  # x\n  - id: 12\n    schema_name: e-.5\n    q:\n",
		"domains:\n- tenant_id: 1\n  domain: 1_000g\n  folder: '#'\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fast, plain := decodePlain(data)
		if !plain {
			return
		}
		slow, err := decodeYAML("f.yaml", data)
		if err != nil || fmt.Sprint(slow) != fmt.Sprint(fast) {
			t.Fatalf("fast %v\nslow %v, %v", fast, slow, err)
		}
	})
}
