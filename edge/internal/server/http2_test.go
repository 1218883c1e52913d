package server

import "testing"

// In HTTP/2 a host may stand in two places.
func TestAnAuthorityIsTheOnlyHost_A11(t *testing.T) {
	bothHTTP2(t, func(t *testing.T, listener func(*setup)) {
		u, heads := capturing(t, plainAnswer)
		w := start(t, servedBy(u, nil), listener)
		for _, c := range []struct {
			name   string
			lines  []string
			status string
		}{
			{"the authority", []string{":authority: acme.example.com"}, "200"},
			{"with a port", []string{":authority: acme.example.com:8443"}, "200"},
			{"in upper case, with a dot", []string{":authority: ACME.example.com."}, "200"},
			{"the same host too", []string{":authority: acme.example.com", "host: acme.example.com"}, "200"},
			{"a host and no authority", []string{"host: acme.example.com"}, "200"},
			{"another host", []string{":authority: acme.example.com", "host: umbra.example.com"}, "400"},
			{"another port", []string{":authority: acme.example.com", "host: acme.example.com:80"}, "400"},
			{"an empty host", []string{":authority: acme.example.com", "host: "}, "400"},
			{"an empty authority and a host", []string{":authority: ", "host: acme.example.com"}, "200"}, // net/http takes it for one that is absent
			{"two hosts", []string{":authority: acme.example.com", "host: acme.example.com", "host: umbra.example.com"}, "400"},
			{"one host twice", []string{":authority: acme.example.com", "host: acme.example.com", "host: acme.example.com"}, "400"},
			{"two hosts and no authority", []string{"host: acme.example.com", "host: umbra.example.com"}, "400"},
			{"none", nil, "400"},
			{"an empty one", []string{":authority: "}, "400"},
			{"a port alone", []string{":authority: :80"}, "400 421"},
			{"a user", []string{":authority: umbra@acme.example.com"}, "reset"},
			{"a user and a password", []string{":authority: umbra.example.com:80@acme.example.com"}, "reset"},
			{"a list", []string{":authority: acme.example.com,umbra.example.com"}, "400 421"},
			{"a path", []string{":authority: acme.example.com/umbra.example.com"}, "400 421"},
			{"a query", []string{":authority: acme.example.com?umbra.example.com"}, "400 421"},
			{"a blank", []string{":authority: acme.example.com umbra.example.com"}, "reset 400 421"},
			{"a port that is none", []string{":authority: acme.example.com:80x"}, "400"},
			{"an encoded name", []string{":authority: acme%2eexample.com"}, "400 421"},
			{"two authorities", []string{":authority: acme.example.com", ":authority: umbra.example.com"}, "reset 400 421"},
			{"an authority after the fields", []string{"host: acme.example.com", ":authority: umbra.example.com"}, "reset 400 421"},
		} {
			a := w.http2(t).do(append([]string{":method: GET", ":scheme: https", ":path: /"}, c.lines...)...)
			if !oneOf(a.status, c.status) {
				t.Errorf("%s: status %s, expected %s", c.name, a.status, c.status)
			}
			if a.status == "200" {
				<-heads
			}
		}
	})
}
