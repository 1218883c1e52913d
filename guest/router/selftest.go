package main

import (
	"fmt"

	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// selfTest checks functions that need no configuration: normalizing a host,
// reversing a cache key, and rejecting a file name outside of the tenant's files.
func selfTest() error {
	if host, err := tenancy.NormalizeHost("BÜCHER.example."); host != "xn--bcher-kva.example" {
		return fmt.Errorf("NormalizeHost: expected xn--bcher-kva.example, found %q, %v", host, err)
	}
	key := tenancy.CacheKey("t1", "p", "1", "a:b")
	if reversed, err := tenancy.ReverseKey(key); reversed != "a:b" {
		return fmt.Errorf("ReverseKey of %q: expected a:b, found %q, %v", key, reversed, err)
	}
	q := tenancy.PathQuery{Schema: "t1", Location: "/srv", BaseURL: "/media/", Name: "../t2/x", HasName: true}
	if p := tenancy.Locate(&q, false); p.Err == nil {
		return fmt.Errorf("locating %q: expected an error, found the path %q", q.Name, p.Path)
	}
	return nil
}
