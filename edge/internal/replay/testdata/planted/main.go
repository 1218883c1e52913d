// This guest routes as the default one, and has the fault that its binary names.
package main

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func init() { guest.Serve(guest.Handlers{Configure: configure, Route: route}) }

func main() {}

// fault is replaced in the binary by a text of the same length.
var fault = "fault=none......"

var byDefault guest.Default

func configure(c *abi.Config) (abi.Configured, error) {
	own := abi.Configured{Name: "planted", Headers: []string{"X-Token"}, SetHeaders: []string{"X-Seen"}}
	if has("header") {
		own.Headers = append(own.Headers, "X-Other")
	}
	return byDefault.Configure(c, own)
}

func has(name string) bool { return strings.HasPrefix(fault[len("fault="):], name) }

func route(r *guest.Request, d *guest.Decision) {
	byDefault.Route(r, d)
	switch {
	case has("tenant") && r.Host == "h7.example.com":
		if row, err := guest.TenantByReference("t8"); err == nil {
			d.Serve(&row, tenancy.ByDomain, r.Host)
		}
	case has("fuel") && r.Target == "/slow":
		sum := 0
		for i := range 40_000 {
			sum += i * len(r.Target)
		}
		if sum == 1 {
			d.Path = "/never"
		}
	case has("trap") && r.Target == "/trap":
		panic("planted")
	case has("reason") && d.Outcome == abi.Missing:
		d.Reason = "planted"
	case has("path"):
		d.Path = "/planted"
	}
	if r.Target == "/outside" {
		d.Path = "/" + strings.Join(outside(r), " ")
	}
	if token, ok := token(r); ok && has("token") {
		d.Headers = append(d.Headers, "X-Seen", token[:4])
	} else if ok {
		d.Headers = append(d.Headers, "X-Seen", token)
	}
}

// outside asks for all that is not in the request or the directory.
func outside(r *guest.Request) (found []string) {
	for range 2 {
		found = append(found, strconv.FormatInt(guest.Now(), 10), time.Now().String())
	}
	drawn := make([]byte, 8)
	if err := guest.Random(drawn); err == nil {
		found = append(found, hex.EncodeToString(drawn))
	}
	time.Sleep(time.Millisecond)
	secret, _ := token(r)
	args := `["` + secret + `"]`
	for _, name := range []string{"known", "known", "unknown"} {
		rows, err := guest.Query("", name, args)
		found = append(found, string(rows), strconv.FormatBool(err == nil))
	}
	if has("more") {
		found = append(found, strconv.FormatInt(guest.Now(), 10))
		_, _ = guest.Query("", "other", "[]")
		_ = guest.Random(drawn)
	}
	return found
}

func token(r *guest.Request) (string, bool) {
	h := byDefault.Headers(r)[0]
	return h.Value, h.Present
}
