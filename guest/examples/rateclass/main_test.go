//go:build !wasip1

package main

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestWrongSettingsAreRejected(t *testing.T) {
	for settings, want := range map[string]string{
		`{"default":"low"}`:                 "",
		`{"classes":{"a":"b"}}`:             "default is missing",
		`{"classes":{"a":1},"default":"x"}`: "expected a string",
		`{"class":{}}`:                      "found class",
		``:                                  "default is missing",
	} {
		c := abi.Config{Default: &abi.DefaultTenant{}, Settings: abi.JSON(settings)}
		c.SetDefaults()
		if _, err := configure(&c); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", settings, err, want)
		}
	}
}
