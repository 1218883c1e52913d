//go:build !wasip1

package main

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestWrongSettingsAreRejected(t *testing.T) {
	for settings, want := range map[string]string{
		`{"urlconf":"next"}`: "",
		`{"urlconf":"next","percent":5,"client_cookie":"uid","tenants":["a"]}`: "",
		`{"tenants":["a"]}`:                          "urlconf is missing",
		`{"urlconf":"next","percent":5}`:             "client_cookie is missing",
		`{"urlconf":"next","percent":101}`:           "0 to 100",
		`{"urlconf":"next","percent":-1}`:            "0 to 100",
		`{"urlconf":"next","token_sha256":"secret"}`: "token_sha256",
		`{"urlconf":"next","tenants":"a"}`:           "expected an array",
		`{"token":"x"}`:                              "found token",
	} {
		c := abi.Config{Default: &abi.DefaultTenant{}, Settings: abi.JSON(settings)}
		c.SetDefaults()
		if _, err := configure(&c); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", settings, err, want)
		}
	}
}
