package tenancy

import (
	"slices"

	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
	"github.com/tenantedge/tenantedge/guest/internal/pyregex"
)

// compileRegex compiles a route in the syntax of Django's re_path().
func compileRegex(expr string) (wsRoute, error) {
	re, err := pyregex.Compile(expr)
	if err != nil {
		return wsRoute{}, at("regex: "+lexeme.Quote(expr)+": ", err)
	}
	groups := re.Names()
	named := slices.ContainsFunc(groups, func(name string) bool { return name != "" })
	return wsRoute{find: re.Match, groups: groups, named: named}, nil
}
