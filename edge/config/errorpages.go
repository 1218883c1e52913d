package config

import "github.com/tenantedge/tenantedge/edge/internal/errorpage"

// checkErrorPages reports keys of error_pages that name no status.
func (v value) checkErrorPages() {
	for _, kv := range v.n.pairs {
		if !errorpage.ValidKey(kv.key.text) {
			v.d.fail(kv.key.pos, v.p.child(kv.key.text), "expected a status from 400 to 599, 4xx or 5xx, found %s; correct it", kv.key.found())
		}
	}
}
