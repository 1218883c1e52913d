// Command abtest is a guest that routes like the default guest, and divides the
// clients of all tenants into the variants of an experiment.
//
//	guest:
//	  path: abtest.wasm
//	  settings:
//	    experiment: new-menu        # another name divides the clients differently
//	    variants: {a: 90, b: 10}    # weights; the sum is at most 1,000,000
//	    urlconfs: {b: app_b}        # optional: the urlconf of a variant
//	    cookie: uid                 # names the client
//	    header: X-Device            # optional: names a client without the cookie
//
// The upstream gets the variant in X-Variant, as new-menu=b. A client keeps its
// variant as long as it keeps its cookie and the weights stay. Without cookie and
// header, its User-Agent and Accept-Language name it: many clients share these, but
// one client keeps its variant. (A guest does not get the client's address.)
//
// A client cannot set X-Variant. It can choose its variant by trying cookies: do not
// give rights to a variant.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o abtest.wasm ./guest/examples/abtest
package main

import (
	"errors"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/jsonread"
)

func init() { guest.Serve(guest.Handlers{Configure: configure, Route: route}) }

func main() {}

const variantHeader = "X-Variant"

var (
	byDefault guest.Default
	config    settings
)

type settings struct {
	experiment string
	variants   []variant // in the order of the settings
	urlconfs   map[string]string
	cookie     string
	header     string
	sum        int // of the weights
}

type variant struct {
	name   string
	weight int
}

func configure(c *abi.Config) (abi.Configured, error) {
	config = settings{}
	err := guest.Settings(c, jsonread.Members{
		"experiment": &config.experiment, "variants": readVariants, "urlconfs": &config.urlconfs, "cookie": &config.cookie, "header": &config.header,
	})
	if err != nil {
		return abi.Configured{}, err
	}
	if config.experiment == "" || config.sum == 0 || config.cookie == "" {
		return abi.Configured{}, errors.New("settings: expected experiment, cookie, and variants with a weight over 0")
	}
	asked := []string{"Cookie", "User-Agent", "Accept-Language"}
	if config.header != "" {
		asked = append(asked, config.header)
	}
	return byDefault.Configure(c, abi.Configured{Name: "abtest", Headers: asked, SetHeaders: []string{variantHeader}})
}

const maxSum = 1000000

func readVariants(r *jsonread.Reader) {
	r.Object(func(name string) {
		v := variant{name: name}
		if r.Integer(&v.weight); v.weight < 0 || v.weight > maxSum-config.sum {
			r.Fail("weights from 0 whose sum is at most 1000000")
		}
		config.variants, config.sum = append(config.variants, v), config.sum+v.weight
	})
}

func route(r *guest.Request, d *guest.Decision) {
	byDefault.Route(r, d)
	if d.Outcome != abi.Tenant {
		return
	}
	own := byDefault.Headers(r)
	chosen := choose(guest.Bucket(config.sum, append([]string{config.experiment}, client(own)...)...))
	if urlconf, ok := config.urlconfs[chosen]; ok {
		d.URLConf = urlconf
	}
	d.Headers = append(d.Headers, variantHeader, config.experiment+"="+chosen)
}

// client returns what names the client.
func client(own []guest.Header) []string {
	if id, ok := guest.Cookie(own[0].Value, config.cookie); ok && id != "" {
		return []string{"cookie", id}
	}
	if len(own) > 3 && own[3].Value != "" {
		return []string{"header", own[3].Value}
	}
	return []string{"browser", own[1].Value, own[2].Value}
}

// choose returns the variant of a bucket.
func choose(bucket int) string {
	for _, v := range config.variants {
		if bucket < v.weight {
			return v.name
		}
		bucket -= v.weight
	}
	return ""
}
