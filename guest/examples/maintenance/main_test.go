//go:build !wasip1

package main

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestWrongSettingsAreRejected(t *testing.T) {
	for settings, want := range map[string]string{
		`{"urlconf":"m"}`: "",
		`{"urlconf":"m","token_sha256":"0000000000000000000000000000000000000000000000000000000000000000"}`: "",
		`{"token_sha256":"0000000000000000000000000000000000000000000000000000000000000000"}`:               "urlconf is missing",
		`{"urlconf":"m","token_sha256":"secret"}`:                                                           "64 hexadecimal digits",
		`{"urlconf":"m","token_sha256":"00000000000000000000000000000000000000000000000000000000000000"}`:   "64 hexadecimal digits",
		`{"urlconf":"m","token":"x"}`: "found token",
	} {
		c := abi.Config{Default: &abi.DefaultTenant{}, Settings: abi.JSON(settings)}
		c.SetDefaults()
		if _, err := configure(&c); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", settings, err, want)
		}
	}
}
