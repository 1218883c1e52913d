package rivals

import (
	"fmt"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// encode writes the abi's route request to buf and returns its size.
func encode(buf []byte, q *edge.Request) int {
	b := abi.Begin(buf, 0, abi.ReqHeader0)
	b.Put(abi.ReqMethod, q.Method)
	b.Put(abi.ReqScheme, q.Scheme)
	b.Put(abi.ReqHost, q.Host)
	b.Put(abi.ReqTarget, q.Target)
	return b.Size()
}

// decode reads a decision in the abi's format.
func decode(reply []byte, q *edge.Request, s *services) (Answer, error) {
	m, err := abi.Parse(reply)
	if err != nil {
		return Answer{}, fmt.Errorf("rivals: decision: %w", err)
	}
	a := Answer{Outcome: abi.Outcome(m.Word() & abi.DecOutcomeMask)}
	if a.Outcome == abi.Tenant {
		path, _, _ := strings.Cut(q.Target, "?")
		a.Schema = text(m.Get(abi.DecSchema), s.match.Tenant.Schema)
		a.Path = text(m.Get(abi.DecPath), path)
	}
	return a, nil
}
