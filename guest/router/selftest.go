package main

import (
	"fmt"

	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// selfTest runs what needs no configuration: a host is normalised, a cache key
// made and taken apart, and a name that leaves its tenant refused.
func selfTest() error {
	if host, err := tenancy.NormalizeHost("BÜCHER.example."); host != "xn--bcher-kva.example" {
		return fmt.Errorf("host is %q, %v", host, err)
	}
	key := tenancy.CacheKey("t1", "p", "1", "a:b")
	if back, err := tenancy.ReverseKey(key); back != "a:b" {
		return fmt.Errorf("%q reversed is %q, %v", key, back, err)
	}
	q := tenancy.PathQuery{Schema: "t1", Location: "/srv", BaseURL: "/media/", Name: "../t2/x", HasName: true}
	if p := tenancy.Locate(&q, false); p.Err == nil {
		return fmt.Errorf("%q is at %q", q.Name, p.Path)
	}
	return nil
}
