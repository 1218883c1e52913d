package examples

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// Gin returns a Gin engine that sees the tenant of each request.
func Gin(host *edge.Host) http.Handler {
	engine := gin.New()
	engine.GET("/hello/:name", func(c *gin.Context) {
		t, _ := tenant.From(c.Request.Context())
		c.String(http.StatusOK, "%s greets %s", t.Schema, c.Param("name"))
	})
	return host.Middleware(engine)
}
