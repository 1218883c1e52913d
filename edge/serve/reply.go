package serve

import (
	"io"
	"maps"
	"net/http"
	"strconv"

	"github.com/tenantedge/tenantedge/edge/config"
)

// reply answers every request with the same response.
type reply struct{ *config.Reply }

func (p reply) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	maps.Copy(header, p.Header.Clone())
	if header.Get("Content-Type") == "" && p.Body != "" {
		header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	header.Set("X-Content-Type-Options", "nosniff")
	bodyless := p.Status == http.StatusNoContent || p.Status == http.StatusNotModified
	if !bodyless {
		header.Set("Content-Length", strconv.Itoa(len(p.Body)))
	}
	w.WriteHeader(p.Status)
	if !bodyless && r.Method != http.MethodHead {
		_, _ = io.WriteString(w, p.Body) // the client may have disconnected
	}
}
