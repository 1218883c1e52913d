package guest

import (
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func (g *guest) pathname(m abi.Message) []byte {
	own, hasOwn := m.Field(abi.PathSchemaPathname)
	name, hasName := m.Field(abi.PathName)
	q := PathQuery{
		Schema:         text(m.Get(abi.PathSchema)),
		Folder:         text(m.Get(abi.PathFolder)),
		SchemaPathname: text(own), HasSchemaPathname: hasOwn,
		Location: text(m.Get(abi.PathLocation)),
		BaseURL:  text(m.Get(abi.PathBaseURL)),
		Name:     text(name), HasName: hasName,
	}
	var p Pathname
	if g.Pathname == nil {
		p = tenancy.Locate(&q, g.strict)
	} else {
		p = g.Pathname(&q)
	}
	return memory.reply(func(buf []byte) abi.Builder { return encodePathname(buf, &p) })
}

func encodePathname(buf []byte, p *Pathname) abi.Builder {
	b := abi.Begin(buf, 0, abi.PathError+1)
	putNonEmpty(&b, abi.PathIdentifier, p.Identifier)
	putNonEmpty(&b, abi.PathBaseLocation, p.BaseLocation)
	putNonEmpty(&b, abi.PathTenantURL, p.BaseURL)
	if p.HasPath {
		b.Put(abi.PathPath, p.Path)
	}
	if p.HasURL {
		b.Put(abi.PathURL, p.URL)
	}
	if p.Err != nil {
		b.Put(abi.PathError, reason(p.Err))
	}
	return b
}
