//go:build !wasip1

package main

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestWrongSettingsAreRejected(t *testing.T) {
	for settings, want := range map[string]string{
		`{"cells":{"a":["b"],"b":[]},"default":"a"}`: "",
		`{"cells":{"a":["b"]},"default":"a"}`:        "key of cells",
		`{"cells":{"a":[]},"default":"b"}`:           "key of cells",
		`{"cells":{"a":[]}}`:                         "key of cells",
		`{"cells":{"a":"b"},"default":"a"}`:          "expected an array",
		`{"sells":{}}`:                               "found sells",
	} {
		c := abi.Config{Default: &abi.DefaultTenant{}, Settings: abi.JSON(settings)}
		c.SetDefaults()
		if _, err := configure(&c); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", settings, err, want)
		}
	}
}
