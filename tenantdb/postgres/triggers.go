package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// triggerNames are in the order of triggerEvents.
var triggerNames = []string{"tenantedge_insert", "tenantedge_update", "tenantedge_delete", "tenantedge_truncate"}

var triggerEvents = []string{
	"AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows",
	"AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
	"AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows",
	"AFTER TRUNCATE ON %s",
}

// trigger notifies of changes of a table.
type trigger struct {
	event  int // index in triggerNames
	table  pgx.Identifier
	column string // that holds the tenant's id
}

func (t trigger) String() string { return triggerNames[t.event] + " on " + t.table.Sanitize() }

func (t trigger) is(o trigger) bool { return t.String() == o.String() }

// triggers returns all triggers of both tables.
func (n names) triggers() []trigger {
	var all []trigger
	for event := range triggerNames {
		all = append(all, trigger{event, n.tenant, "id"})
	}
	for event := range triggerNames {
		all = append(all, trigger{event, n.domain, "tenant_id"})
	}
	return all
}

// missingTriggers returns the triggers that do not exist, are disabled, or notify
// of another pair of tables, as those of a renamed table do.
func missingTriggers(ctx context.Context, q querier, n names) ([]trigger, error) {
	all := n.triggers()
	var tables, events, columns []string
	for _, t := range all {
		tables, events, columns = append(tables, t.table.Sanitize()), append(events, triggerNames[t.event]), append(columns, t.column)
	}
	rows, err := q.Query(ctx, `
		SELECT w.ordinal FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w(tab, name, col, ordinal)
		WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g
		                  WHERE g.tgrelid = to_regclass(w.tab) AND g.tgname = w.name AND g.tgenabled IN ('O', 'A')
		                  AND g.tgargs = convert_to($4, getdatabaseencoding()) || '\x00'::bytea
		                              || convert_to(w.col, getdatabaseencoding()) || '\x00'::bytea)
		ORDER BY w.ordinal`, tables, events, columns, n.key())
	if err != nil {
		return nil, err
	}
	ordinals, err := pgx.CollectRows(rows, pgx.RowTo[int])
	var missing []trigger
	for _, ordinal := range ordinals {
		missing = append(missing, all[ordinal-1])
	}
	return missing, err
}

// describeMissing names the first of the missing triggers, and counts the others.
func describeMissing(missing []trigger) string {
	text := fmt.Sprintf("found no %s", missing[0])
	if more := len(missing) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more are missing", more)
	}
	return text
}

// literal quotes s as an SQL string.
func literal(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return " E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

func (n names) createTrigger(t trigger) string {
	// An existing trigger of this name is disabled, or notifies of other tables.
	return fmt.Sprintf("DROP TRIGGER IF EXISTS %[1]s ON %[2]s;\nCREATE TRIGGER %[1]s %[3]s\nFOR EACH STATEMENT EXECUTE FUNCTION %[4]s(%[5]s, %[6]s)",
		triggerNames[t.event], t.table.Sanitize(), fmt.Sprintf(triggerEvents[t.event], t.table.Sanitize()),
		n.notifyFunction().Sanitize(), literal(n.key()), literal(t.column))
}

func (n names) notifyFunction() pgx.Identifier {
	return pgx.Identifier{n.tenant[0], "tenantedge_notify"}
}

// notifyBody sends one notification per statement, with the ids of the tenants
// that it changed. A payload has at most 8,000 bytes; for more ids it is
// payloadAll. DB.Init compares the text with the installed function.
const notifyBody = `
DECLARE
  source text;
  ids json;
  size int;
BEGIN
  source := CASE TG_OP
    WHEN 'INSERT' THEN 'SELECT %1$I AS id FROM new_rows'
    WHEN 'UPDATE' THEN 'SELECT %1$I AS id FROM old_rows UNION SELECT %1$I FROM new_rows'
    WHEN 'DELETE' THEN 'SELECT %1$I AS id FROM old_rows' END;
  IF source IS NOT NULL THEN
    EXECUTE format('SELECT json_agg(id::text), count(*) FROM (SELECT DISTINCT id FROM (' || source
      || ') r WHERE id IS NOT NULL LIMIT 501) d', TG_ARGV[1]) INTO ids, size;
    IF size = 0 THEN
      RETURN NULL;
    END IF;
  END IF;
  IF source IS NULL OR size > 500 OR octet_length(ids::text) > 7000 THEN
    PERFORM pg_notify('` + channel + `', TG_ARGV[0] || ' ` + payloadAll + `');
  ELSE
    PERFORM pg_notify('` + channel + `', TG_ARGV[0] || ' ' || ids::text);
  END IF;
  RETURN NULL;
END`

func (n names) createNotify() string {
	return "CREATE OR REPLACE FUNCTION " + n.notifyFunction().Sanitize() + "() RETURNS trigger LANGUAGE plpgsql AS $notify$" + notifyBody + "$notify$"
}
