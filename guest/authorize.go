package guest

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Access is a request for a private file.
type Access struct {
	Schema   string
	TenantID string // empty for a static tenant
	Method   string
	Path     string // decoded, without the tenant's folder
	Name     string // name of the file inside the tenant's files
	HasName  bool   // false: the path is not that of one of the tenant's files
	Host     string // Host header as the client sent it
	Folder   string // folder by which the tenant was routed, or empty
	URLConf  string
	headers  []string    // names, in the order of the values
	values   abi.Message // values from field abi.AuthHeader0 on
}

// Header returns the values of a header, separated by line feeds, and whether
// the client sent it. Handlers.Configure must name it in AuthorizeHeaders.
func (a *Access) Header(name string) (string, bool) {
	for i, h := range a.headers {
		if strings.EqualFold(h, name) {
			v, sent := a.values.Field(abi.AuthHeader0 + i)
			return text(v), sent
		}
	}
	return "", false
}

// Verdict is the result of Handlers.Authorize. The zero value denies.
type Verdict uint32

// Verdicts.
const (
	Deny  Verdict = abi.AuthDeny // status 403
	Allow Verdict = abi.AuthAllow
	Hide  Verdict = abi.AuthHide // status 404, as for a missing file
)

func (g *guest) authorize(m abi.Message) []byte {
	verdict := Deny
	if g.Authorize != nil {
		name, hasName := m.Field(abi.AuthName)
		verdict = g.Authorize(&Access{
			Schema:   text(m.Get(abi.AuthSchema)),
			TenantID: text(m.Get(abi.AuthTenantID)),
			Method:   text(m.Get(abi.AuthMethod)),
			Path:     text(m.Get(abi.AuthPath)),
			Name:     text(name), HasName: hasName,
			Host:    text(m.Get(abi.AuthHost)),
			Folder:  text(m.Get(abi.AuthFolder)),
			URLConf: text(m.Get(abi.AuthURLConf)),
			headers: g.authorizeHeaders, values: m,
		})
	}
	if verdict != Allow && verdict != Hide {
		verdict = Deny
	}
	return memory.reply(func(buf []byte) abi.Builder { return abi.Begin(buf, uint32(verdict), 0) })
}
