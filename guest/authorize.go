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
	Path     string // decoded, without the folder that the tenant was routed by
	Name     string // of the file inside the tenant's files; see HasName
	HasName  bool   // false: the path is that of none of the tenant's files
	Host     string
	Folder   string
	URLConf  string
	headers  []string // names
	values   abi.Message
}

// Header returns the values of a header that Handlers.Configure asked for in
// AuthorizeHeaders, separated by line feeds; false if it was not sent.
func (a *Access) Header(name string) (string, bool) {
	for i, h := range a.headers {
		if strings.EqualFold(h, name) {
			v, sent := a.values.Field(abi.AuthHeader0 + i)
			return text(v), sent
		}
	}
	return "", false
}

// Verdict is what Handlers.Authorize answers. The zero value denies.
type Verdict uint32

// Verdicts.
const (
	Deny  Verdict = abi.AuthDeny // 403
	Allow Verdict = abi.AuthAllow
	Hide  Verdict = abi.AuthHide // 404, as for a file that is missing
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
			headers: g.asked, values: m,
		})
	}
	if verdict != Allow && verdict != Hide {
		verdict = Deny
	}
	return memory.reply(func(buf []byte) abi.Builder { return abi.Begin(buf, uint32(verdict), 0) })
}
