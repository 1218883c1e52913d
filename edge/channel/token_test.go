package channel

import "testing"

func TestOnlyNamesOfALocalNameAProcess_G7(t *testing.T) {
	p := NewProcess()
	config, err := Config{}.Complete()
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLocal("acme", p, config, nil)
	if err != nil {
		t.Fatal(err)
	}
	ch, err := l.Open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := ProcessOf(ch.WireName()); !ok || got != p {
		t.Errorf("%q names %v (%t), expected %v", ch.WireName(), got, ok, p)
	}
	const a, b = "AAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBB"
	for name, expected := range map[string]bool{
		"acme." + a + ".!" + b:       true,
		"":                           false,
		"acme":                       false,
		"acme.chat":                  false,
		"acme." + a + "!" + b:        false, // of a version that shows nothing
		"acme." + a + ".":            false,
		"acme." + a + ".!":           false,
		"acme." + a + ".!" + b + "x": false,
		"acme." + a + "A.!" + b:      false,
		"acme." + a[1:] + ".!" + b:   false,
		"acme.x." + a + ".!" + b:     false,
		a + ".!" + b:                 false,
		"specific.e538cfeb0fbd40959123dc14a1aa287b!af00e7db857246b0a427b220fd187c84": false,
	} {
		if _, ok := ProcessOf(name); ok != expected {
			t.Errorf("ProcessOf(%q) reports %t, expected %t", name, ok, expected)
		}
	}
}
