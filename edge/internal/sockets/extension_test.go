package sockets

import (
	"reflect"
	"strings"
	"testing"
)

// A parsed extension can be formatted and parsed again, without quotes.
func FuzzExtensions_E6(f *testing.F) {
	for _, seed := range []string{
		"", ",", "permessage-deflate", `permessage-deflate ; server_max_window_bits = "1\0", x;y`, "a;;=b", `a;b="`, `a;b="\`, "a b", "permessage-deflate; client_max_window_bits=8",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		all, ok := parseExtensions([]string{value})
		if !ok {
			return
		}
		var list []string
		for _, e := range all {
			text := e.name
			for _, p := range e.parameters {
				if text += ";" + p.name; p.valued {
					text += "=" + p.value
				}
			}
			list = append(list, text)
		}
		again, ok := parseExtensions([]string{strings.Join(list, ",")})
		if !ok || !reflect.DeepEqual(all, again) {
			t.Errorf("%q is parsed as %+v, and after formatting as %+v", value, all, again)
		}
		for _, offer := range deflateOffers(all) {
			again, _ := parseExtensions([]string{offer.String()})
			if got := deflateOffers(again); len(got) != 1 || got[0] != offer {
				t.Errorf("%+v is formatted as %q, which is parsed as %+v", offer, offer, got)
			}
			if answer, p := CompressionWithContext.agree(offer); !answer.answers(offer) || p.writeBits < minWindowBits || p.writeBits > maxWindowBits {
				t.Errorf("%q is answered with %q and %+v", offer, answer, p)
			}
		}
	})
}
