package examples

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// Echo returns an Echo instance that sees the tenant of each request.
func Echo(host *edge.Host) http.Handler {
	e := echo.New()
	e.GET("/hello/:name", func(c echo.Context) error {
		t, _ := tenant.From(c.Request().Context())
		return c.String(http.StatusOK, fmt.Sprintf("%s greets %s", t.Schema, c.Param("name")))
	})
	return host.Middleware(e)
}
