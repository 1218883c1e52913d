package guests

import (
	"slices"

	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// differences returns in what two decisions about a request differ. Reasons, which
// are for logs, may differ.
func differences(a, b *Decision) []stats.Difference {
	var kinds []stats.Difference
	unless := func(same bool, kind stats.Difference) {
		if !same {
			kinds = append(kinds, kind)
		}
	}
	s, t := &a.Tenant, &b.Tenant
	if a.Outcome != b.Outcome {
		kinds = append(kinds, stats.DiffersOutcome)
	}
	if a.Outcome != abi.Tenant && b.Outcome != abi.Tenant {
		unless(a.Status == b.Status && a.Location == b.Location, stats.DiffersLocation)
		return kinds
	}
	unless(s.Schema == t.Schema && s.ID == t.ID && s.Dynamic == t.Dynamic, stats.DiffersTenant)
	unless(s.URLConf == t.URLConf && s.WSURLConf == t.WSURLConf, stats.DiffersURLConf)
	unless(s.Path == t.Path && s.Routing == t.Routing, stats.DiffersPath)
	unless(a.Location == b.Location, stats.DiffersLocation)
	unless(s.Identifier == t.Identifier && s.CachePrefix == t.CachePrefix, stats.DiffersNames)
	unless(slices.Equal(a.Headers, b.Headers), stats.DiffersHeaders)
	unless(a.WSFound == b.WSFound && a.WSRoute == b.WSRoute && a.WSKwargs == b.WSKwargs, stats.DiffersRoute)
	return kinds
}
