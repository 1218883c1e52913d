//go:build !wasip1

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

func configured(t testing.TB) {
	t.Helper()
	c := abi.Config{Default: &abi.DefaultTenant{}, Settings: abi.JSON(`{"locales":["en","de","pt-br"],"default":"en"}`)}
	c.SetDefaults()
	if _, err := configure(&c); err != nil {
		t.Fatal(err)
	}
}

func TestTheLocaleIsTheAcceptedOneOfTheHighestWeight(t *testing.T) {
	configured(t)
	for header, want := range map[string]string{
		"": "en", "de": "de", "DE-at": "de", "pt-BR": "pt-br", "pt": "en", "fr": "en", "*": "en", "fr,*;q=0.1": "en",
		"en;q=0.5,de;q=0.8": "de", "en;q=0.5, de ; q=0.8": "de", "en;q=0.5, de; q=0.501": "de", "de,pt-br": "de", "de;q=0": "en", "de;q=0.000,pt-br;q=0.001": "pt-br",
		"fr\nde": "de", ",,de,": "de", "de;q=1.001": "en", "de;q=1.0000": "en", "de;q=2": "en", "de;q=-1": "en", "de;q=": "en", "de;q": "en", "de;x=1": "en", "de;q=0.5;x": "en",
		"de;q=0x1": "en", "-de": "en", "de-": "de", "de--x": "de", "d": "en", strings.Repeat("fr,", maxRanges) + "de": "en", strings.Repeat("fr,", maxRanges-1) + "de": "de",
	} {
		if got := negotiate(header); got != want {
			t.Errorf("%q: locale %s, want %s", header, got, want)
		}
	}
}

func TestWrongSettingsAreRejected(t *testing.T) {
	for settings, want := range map[string]string{
		`{"locales":["en"],"default":"de"}`: "one of locales", `{"locales":["en"]}`: "one of locales", `{"locales":["en"],"default":"en","strip":1}`: "true or false", `{"locale":"x"}`: "found locale",
	} {
		if _, err := configure(&abi.Config{Settings: abi.JSON(settings)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", settings, err, want)
		}
	}
}

func FuzzNegotiate(f *testing.F) {
	for _, header := range []string{"de-AT, en;q=0.5, *;q=0.1", "de;q=0.000\n", ";q=1,--"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		configured(t)
		if got := negotiate(header); !slices.Contains(config.locales, got) {
			t.Errorf("%q: locale %q, want one of %q", header, got, config.locales)
		}
	})
}
