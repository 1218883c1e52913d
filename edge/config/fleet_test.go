package config

import (
	"errors"
	"strings"
	"testing"
)

func TestARolloutMayNameGuestsInThePlacesOfTheConfiguration(t *testing.T) {
	const fleet = "tenants: {default: {URLCONF: app}}\ndirectory: {source: postgres, dsn_env: DB}\nfleet:\n  name: production\n"
	const digest = "@sha256:0000000000000000000000000000000000000000000000000000000000000000"
	for _, c := range []struct{ name, more, reference, want string }{
		{"a registry", "  registries: [registry.example.com]\n", "oci://registry.example.com/guests/router:v1", ""},
		{"a repository", "  registries: [a.example.com, registry.example.com/guests]\n", "oci://registry.example.com/guests/router" + digest, ""},
		{"another registry", "  registries: [registry.example.com]\n", "oci://other.example.com/router:v1", "edge.yaml:5:3: fleet.registries: expected"},
		{"another port", "  registries: [registry.example.com]\n", "oci://registry.example.com:5000/router:v1", "edge.yaml:5:3: fleet.registries: expected"},
		{"another repository", "  registries: [registry.example.com/guests]\n", "oci://registry.example.com/guestsx:v1", `add "registry.example.com" to fleet.registries`},
		{"the registry of guest.path", "guest: {path: 'oci://registry.example.com/a" + digest + "'}\n", "oci://registry.example.com/b:v1", ""},
		{"another registry than that of guest.path", "guest: {path: 'oci://registry.example.com/a" + digest + "'}\n", "oci://other.example.com/b:v1", "edge.yaml:5:9: guest.path: expected"},
		{"no places", "", "oci://registry.example.com/b:v1", ""},
		{"no reference", "", "oci://no reference", "expected a reference"},
	} {
		f, err := Parse("edge.yaml", []byte(fleet+c.more))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		err = f.CheckGuestReference(c.reference)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		var located *Error
		if strings.HasPrefix(c.want, "edge.yaml:") && !errors.As(err, &located) {
			t.Errorf("%s: %v is not located", c.name, err)
		}
	}
}
