package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/internal/arena"
)

// readAll reads both tables in one snapshot.
func (n names) readAll(ctx context.Context, conn *pgx.Conn, l layout) (state tenantdb.State, err error) {
	err = pgx.BeginTxFunc(ctx, conn, snapshot, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+n.tenantColumns()+" FROM "+n.tenant.Sanitize()+" t ORDER BY t.id")
		if err != nil {
			return err
		}
		if state.Tenants, err = n.scanTenants(rows, l.tenant["id"].rows); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, "SELECT "+l.domainColumns()+" FROM "+n.domain.Sanitize()+" d ORDER BY d.id")
		if err != nil {
			return err
		}
		state.Domains, err = scanDomains(rows, l.domain["id"].rows)
		return err
	})
	return state, err
}

var snapshot = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}

// readTenants reads the rows of some tenants in one snapshot.
func (n names) readTenants(ctx context.Context, conn *pgx.Conn, l layout, ids []string) ([]tenantdb.Change, error) {
	var tenants []tenantdb.Tenant
	var domains []tenantdb.Domain
	// The ids are cast to the columns' types, so that Postgres uses the indexes.
	where := func(c column) string { return " = ANY($1::text[]::" + c.typ + "[])" }
	err := pgx.BeginTxFunc(ctx, conn, snapshot, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+n.tenantColumns()+" FROM "+n.tenant.Sanitize()+
			" t WHERE t.id"+where(l.tenant["id"])+" ORDER BY t.id", ids)
		if err != nil {
			return err
		}
		if tenants, err = n.scanTenants(rows, 0); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, "SELECT "+l.domainColumns()+" FROM "+n.domain.Sanitize()+
			" d WHERE d.tenant_id"+where(l.domain["tenant_id"])+" ORDER BY d.id", ids)
		if err != nil {
			return err
		}
		domains, err = scanDomains(rows, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return changes(ids, tenants, domains), nil
}

func changes(ids []string, tenants []tenantdb.Tenant, domains []tenantdb.Domain) []tenantdb.Change {
	list := make([]tenantdb.Change, 0, len(ids))
	index := make(map[string]int, len(ids))
	for _, t := range tenants {
		index[t.ID] = len(list)
		list = append(list, tenantdb.Change{Tenant: t})
	}
	for _, id := range ids {
		if _, found := index[id]; !found {
			index[id] = len(list)
			list = append(list, tenantdb.Change{Tenant: tenantdb.Tenant{ID: id}, Removed: true})
		}
	}
	for _, d := range domains {
		if i, found := index[d.TenantID]; found {
			list[i].Domains = append(list[i].Domains, d)
		}
	}
	return list
}

// scanTenants reads id, schema and attributes; a NULL adds no attribute. expected
// is an estimate of the number of rows.
func (n names) scanTenants(rows pgx.Rows, expected int) ([]tenantdb.Tenant, error) {
	defer rows.Close()
	tenants := make([]tenantdb.Tenant, 0, expected)
	var texts arena.Arena
	for rows.Next() {
		// Text columns have the same bytes in text and in binary format.
		v := rows.RawValues()
		t := tenantdb.Tenant{ID: texts.Copy(v[0]), Schema: texts.Copy(v[1])}
		for i, name := range n.attributes {
			if value := v[2+i]; value != nil {
				t.Attributes = append(t.Attributes, tenantdb.Attribute{Name: name, Value: texts.Copy(value)})
			}
		}
		tenants = append(tenants, t)
	}
	return tenants, rows.Err()
}

func scanDomains(rows pgx.Rows, expected int) ([]tenantdb.Domain, error) {
	defer rows.Close()
	formats := rows.FieldDescriptions()
	flag := func(v []byte, i int) bool {
		if formats[i].Format == pgx.TextFormatCode {
			return string(v) == "t"
		}
		return len(v) == 1 && v[0] == 1
	}
	domains := make([]tenantdb.Domain, 0, expected)
	var texts arena.Arena
	id := ""
	for rows.Next() {
		v := rows.RawValues()
		if string(v[0]) != id {
			id = texts.Copy(v[0]) // adjacent rows often have the same tenant
		}
		domains = append(domains, tenantdb.Domain{
			TenantID: id, Domain: texts.Copy(v[1]), Folder: texts.Copy(v[2]), IsPrimary: flag(v[3], 3), RedirectToPrimary: flag(v[4], 4),
		})
	}
	return domains, rows.Err()
}
