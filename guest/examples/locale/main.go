// Command locale is a guest that routes like the default guest, and then reads the
// locale from the first segment of the path, as in /de/prices.
//
//	guest:
//	  path: locale.wasm
//	  settings:
//	    locales: [en, de, pt-br] # prefixes of paths
//	    default: en              # for requests that accept none of them
//	    strip: false             # serve /de/prices as /prices in the folder de
//	    redirect: true           # send GET /prices to /de/prices
//	urlconfs:
//	  app: {upstream: "http://127.0.0.1:8000", path: inner} # with strip: true
//
// The upstream gets the locale in X-Locale. Without a prefix it is the one that the
// client's Accept-Language prefers, and with redirect a GET or HEAD request gets a
// 302 to the path with the prefix. With strip, the prefix is passed on as a
// tenant's folder is: an upstream with path: inner gets X-Forwarded-Prefix: /de. It
// is not stripped for tenants that have a folder already.
//
// A client chooses its locale, but X-Locale is always one of the settings. A
// redirect stays on the domain by which the tenant was found. It has no port, since
// the host accepts only registered domains.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o locale.wasm ./guest/examples/locale
package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/jsonread"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func init() { guest.Serve(guest.Handlers{Configure: configure, Route: route}) }

func main() {}

const localeHeader = "X-Locale"

var (
	byDefault guest.Default
	config    settings
)

type settings struct {
	locales         []string
	fallback        string
	strip, redirect bool
}

func configure(c *abi.Config) (abi.Configured, error) {
	config = settings{}
	members := jsonread.Members{"locales": &config.locales, "default": &config.fallback, "strip": &config.strip, "redirect": &config.redirect}
	if err := guest.Settings(c, members); err != nil {
		return abi.Configured{}, err
	}
	if !slices.Contains(config.locales, config.fallback) {
		return abi.Configured{}, errors.New("settings: default: expected one of locales")
	}
	return byDefault.Configure(c, abi.Configured{Name: "locale", Headers: []string{"Accept-Language"}, SetHeaders: []string{localeHeader}})
}

func route(r *guest.Request, d *guest.Decision) {
	byDefault.Route(r, d)
	if d.Outcome != abi.Tenant {
		return
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(d.Path, "/"), "/")
	if slices.Contains(config.locales, first) {
		if config.strip && d.Kind == tenancy.ByDomain && d.Folder == "" && isPlain(rest) {
			d.Folder, d.Path = first, "/"+rest
		}
		d.Headers = append(d.Headers, localeHeader, first)
		return
	}
	locale := negotiate(byDefault.Headers(r)[0].Value)
	if config.redirect && redirect(r, d, locale) {
		return
	}
	d.Headers = append(d.Headers, localeHeader, locale)
}

// isPlain reports whether all servers read the path after the prefix as one below
// the prefix.
func isPlain(path string) bool {
	return !strings.HasPrefix(path, "/") && !strings.Contains(path, "..") && !strings.Contains(path, `\`)
}

// redirect decides for a redirect to the path with the locale. It returns false if
// the request is not for a page, or if its target has characters that have no place
// in a Location.
func redirect(r *guest.Request, d *guest.Decision, locale string) bool {
	if r.Websocket || d.Kind != tenancy.ByDomain || r.Method != "GET" && r.Method != "HEAD" {
		return false
	}
	folder := ""
	if d.Folder != "" {
		folder = "/" + d.Folder
	}
	rest, ok := strings.CutPrefix(r.Target, folder)
	if ok && (rest == "" || rest[0] == '?') {
		rest = "/" + rest // the folder without a slash
	}
	if !ok || rest[0] != '/' {
		return false
	}
	location := "//" + d.Domain + folder + "/" + locale + rest
	for i := range len(location) {
		if c := location[i]; c <= ' ' || c == '\\' || c >= 0x7f {
			return false
		}
	}
	d.Outcome, d.Status, d.Location = abi.Redirect, 302, location
	d.Reason = "the path has no locale"
	return true
}
