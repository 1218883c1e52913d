//go:build !wasip1

package main

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestWrongSettingsAreRejected(t *testing.T) {
	for settings, want := range map[string]string{
		`{"experiment":"x","variants":{"a":1},"cookie":"uid"}`:            "",
		`{"experiment":"x","variants":{"a":1000001},"cookie":"uid"}`:      "at most 1000000",
		`{"experiment":"x","variants":{"a":-1},"cookie":"uid"}`:           "at most 1000000",
		`{"experiment":"x","variants":{"a":999999,"b":2},"cookie":"uid"}`: "at most 1000000",
		`{"experiment":"x","variants":{"a":0},"cookie":"uid"}`:            "weight over 0",
		`{"variants":{"a":1},"cookie":"uid"}`:                             "expected experiment",
		`{"experiment":"x","variants":{"a":1,"a":2},"cookie":"uid"}`:      "twice",
		`{"x":1}`: "found x",
	} {
		c := abi.Config{Default: &abi.DefaultTenant{}, Settings: abi.JSON(settings)}
		c.SetDefaults()
		if _, err := configure(&c); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", settings, err, want)
		}
	}
}
