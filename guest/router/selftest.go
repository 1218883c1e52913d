package main

import (
	"errors"

	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// selfTest checks functions that need no configuration: normalizing a host,
// reversing a cache key, and rejecting a file name outside of the tenant's files.
func selfTest() error {
	if host, err := tenancy.NormalizeHost("BÜCHER.example."); host != "xn--bcher-kva.example" {
		return errors.New("NormalizeHost: expected xn--bcher-kva.example, found " + host + textOf(err))
	}
	key := tenancy.CacheKey("t1", "p", "1", "a:b")
	if reversed, err := tenancy.ReverseKey(key); reversed != "a:b" {
		return errors.New("ReverseKey of " + key + ": expected a:b, found " + reversed + textOf(err))
	}
	q := tenancy.PathQuery{Schema: "t1", Location: "/srv", BaseURL: "/media/", Name: "../t2/x", HasName: true}
	if p := tenancy.Locate(&q, false); p.Err == nil {
		return errors.New("locating " + q.Name + ": expected an error, found the path " + p.Path)
	}
	return nil
}

// textOf returns the text of an error after a colon.
func textOf(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}
