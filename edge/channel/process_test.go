package channel

import (
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

func TestOnlyNamesOfAScopeNameAProcess_G7(t *testing.T) {
	p := wire.NewProcess()
	config, err := Config{}.complete()
	if err != nil {
		t.Fatal(err)
	}
	l, err := newScope("acme", p, config)
	if err != nil {
		t.Fatal(err)
	}
	ch, err := l.Open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := wire.ProcessOf(ch.WireName()); !ok || got != p {
		t.Errorf("%q names %v (%t), expected %v", ch.WireName(), got, ok, p)
	}
	const a, b = "AAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBB"
	for name, expected := range map[string]bool{
		"acme." + a + ".!" + b:       true,
		"":                           false,
		"acme":                       false,
		"acme.chat":                  false,
		"acme." + a + "!" + b:        false, // of a version that sets no key
		"acme." + a + ".":            false,
		"acme." + a + ".!":           false,
		"acme." + a + ".!" + b + "x": false,
		"acme." + a + "A.!" + b:      false,
		"acme." + a[1:] + ".!" + b:   false,
		"acme.x." + a + ".!" + b:     false,
		a + ".!" + b:                 false,
		"specific.e538cfeb0fbd40959123dc14a1aa287b!af00e7db857246b0a427b220fd187c84": false,
	} {
		if _, ok := wire.ProcessOf(name); ok != expected {
			t.Errorf("ProcessOf(%q) reports %t, expected %t", name, ok, expected)
		}
	}
}
