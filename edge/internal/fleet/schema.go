package fleet

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

// channel is the channel on which a trigger notifies of rollouts. The payload is the
// name of the fleet.
const channel = "tenantedge_fleet"

// object is a part of the schema.
type object struct {
	what   string
	exists string // a query that returns whether it is there, as create makes it
	create string
}

// Install creates the tables, functions and triggers that are missing, in one
// transaction. It may run again, and at several places at once. With dryRun it
// changes nothing. It returns the steps.
func (s *Store) Install(ctx context.Context, dryRun bool) (steps []postgres.Step, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		steps = nil
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext($1))", channel); err != nil {
			return err
		}
		for _, o := range objects() {
			var found bool
			if err := tx.QueryRow(ctx, o.exists).Scan(&found); err != nil {
				return fmt.Errorf("%s: %w", o.what, err)
			}
			if found {
				steps = append(steps, postgres.Step{What: o.what + " exists"})
				continue
			}
			steps = append(steps, postgres.Step{What: "create " + o.what, SQL: o.create})
			if dryRun {
				continue
			}
			if _, err := tx.Exec(ctx, o.create); err != nil {
				return fmt.Errorf("create %s: %w", o.what, err)
			}
		}
		return nil
	})
	return steps, s.redact(err)
}

func objects() []object {
	return []object{
		table("tenantedge_guest", guestTable), table("tenantedge_rollout", rolloutTable), table("tenantedge_node", nodeTable),
		function("tenantedge_guest_immutable()", "trigger", guestImmutable),
		trigger("tenantedge_immutable", "BEFORE UPDATE ON public.tenantedge_guest FOR EACH ROW", "tenantedge_guest_immutable"),
		function("tenantedge_rollout_append()", "trigger", rolloutAppend),
		trigger("tenantedge_append", "BEFORE INSERT ON public.tenantedge_rollout FOR EACH ROW", "tenantedge_rollout_append"),
		function("tenantedge_rollout_keep()", "trigger", rolloutKeep),
		trigger("tenantedge_keep", "BEFORE UPDATE OR DELETE OR TRUNCATE ON public.tenantedge_rollout FOR EACH STATEMENT", "tenantedge_rollout_keep"),
		function("tenantedge_rollout_notify()", "trigger", rolloutNotify),
		trigger("tenantedge_notify", "AFTER INSERT ON public.tenantedge_rollout FOR EACH ROW", "tenantedge_rollout_notify"),
		function("tenantedge_end_trial(of_fleet text, of_id bigint, of_node text, reason text)", "boolean", endTrial),
	}
}

func table(name, columns string) object {
	return object{
		what:   "table " + name,
		exists: "SELECT to_regclass('public." + name + "') IS NOT NULL",
		create: "CREATE TABLE public." + name + " (" + columns + ")",
	}
}

// function returns a function in PL/pgSQL. One that returns no trigger runs with the
// rights of its owner; roles need a grant to call it.
func function(signature, returns, body string) object {
	name, _, _ := strings.Cut(signature, "(")
	o := object{
		what: "function " + name,
		exists: fmt.Sprintf("SELECT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE pronamespace = 'public'::regnamespace AND proname = '%s' AND prosrc = $body$%s$body$)",
			name, body),
	}
	options := ""
	if returns != "trigger" {
		options = " SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
	}
	o.create = fmt.Sprintf("CREATE OR REPLACE FUNCTION public.%s RETURNS %s LANGUAGE plpgsql%s AS $body$%s$body$", signature, returns, options, body)
	if returns != "trigger" {
		o.create += fmt.Sprintf(";\nREVOKE EXECUTE ON FUNCTION public.%s FROM PUBLIC", name)
	}
	return o
}

func trigger(name, event, function string) object {
	_, on, _ := strings.Cut(event, " ON ")
	on, _, _ = strings.Cut(on, " ")
	return object{
		what: fmt.Sprintf("trigger %s on %s", name, strings.TrimPrefix(on, "public.")),
		exists: fmt.Sprintf("SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = to_regclass('%s') AND tgname = '%s' AND tgfoid = to_regproc('public.%s') AND tgenabled IN ('O', 'A'))",
			on, name, function),
		create: fmt.Sprintf("DROP TRIGGER IF EXISTS %[1]s ON %[2]s;\nCREATE TRIGGER %[1]s %[3]s EXECUTE FUNCTION public.%[4]s()", name, on, event, function),
	}
}

const guestTable = `
  digest text PRIMARY KEY CHECK (digest = encode(sha256(wasm), 'hex')),
  wasm bytea NOT NULL CHECK (octet_length(wasm) <= 67108864),
  signature bytea NOT NULL DEFAULT '' CHECK (octet_length(signature) <= 12288),
  name text NOT NULL DEFAULT '',
  version text NOT NULL DEFAULT '',
  size integer GENERATED ALWAYS AS (octet_length(wasm)) STORED,
  pushed_by text NOT NULL,
  pushed_at timestamptz NOT NULL DEFAULT clock_timestamp()
`

// The digest of a guest is empty where each node runs the guest of its configuration.
// A source is empty for a guest in tenantedge_guest.
const rolloutTable = `
  fleet text NOT NULL CHECK (fleet ~ '^[-_.a-zA-Z0-9]{1,64}$'),
  id bigint NOT NULL CHECK (id > 0),
  action text NOT NULL,
  current_digest text NOT NULL CHECK (current_digest ~ '^([0-9a-f]{64})?$'),
  current_source text NOT NULL DEFAULT '',
  candidate_digest text NOT NULL DEFAULT '' CHECK (candidate_digest ~ '^([0-9a-f]{64})?$'),
  candidate_source text NOT NULL DEFAULT '',
  trial jsonb NOT NULL DEFAULT '{}' CHECK (octet_length(trial::text) <= 1048576),
  who text NOT NULL,
  why text NOT NULL DEFAULT '',
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  role text NOT NULL DEFAULT session_user,
  PRIMARY KEY (fleet, id)
`

// The report is json rather than jsonb, which refuses the character zero: a client can
// have it in the request that a report shows.
const nodeTable = `
  fleet text NOT NULL,
  node text NOT NULL,
  process text NOT NULL,
  host text NOT NULL,
  version text NOT NULL,
  digest text NOT NULL,
  rollout bigint NOT NULL,
  failed bigint NOT NULL,
  error text NOT NULL,
  report json NOT NULL,
  heartbeat interval NOT NULL,
  stopped boolean NOT NULL DEFAULT false,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (fleet, node)
`

// guestImmutable allows only another signature of the same guest.
const guestImmutable = `
BEGIN
  IF (NEW.digest, NEW.wasm, NEW.name, NEW.version, NEW.pushed_by, NEW.pushed_at)
     IS DISTINCT FROM (OLD.digest, OLD.wasm, OLD.name, OLD.version, OLD.pushed_by, OLD.pushed_at) THEN
    RAISE EXCEPTION 'guests are immutable: expected a change of the signature only; push the other guest, which has another digest';
  END IF;
  RETURN NEW;
END`

// rolloutAppend refuses gaps, so that nobody can skip to the last number, and sets
// what a client could invent.
const rolloutAppend = `
DECLARE
  last bigint;
BEGIN
  SELECT coalesce(max(id), 0) INTO last FROM public.tenantedge_rollout WHERE fleet = NEW.fleet;
  IF NEW.id <= last THEN
    RAISE unique_violation USING MESSAGE = format('expected rollout %s of fleet %s, found %s: another one came first', last + 1, NEW.fleet, NEW.id);
  ELSIF NEW.id > last + 1 THEN
    RAISE check_violation USING MESSAGE = format('expected rollout %s of fleet %s, found %s', last + 1, NEW.fleet, NEW.id);
  END IF;
  NEW.at := clock_timestamp();
  NEW.role := session_user;
  RETURN NEW;
END`

const rolloutKeep = `
BEGIN
  RAISE EXCEPTION 'rollouts are kept as they are: expected another row instead of %', TG_OP;
END`

const rolloutNotify = `
BEGIN
  PERFORM pg_notify('` + channel + `', NEW.fleet);
  RETURN NULL;
END`

// endTrial is the one change of a rollout that nodes may make.
const endTrial = `
BEGIN
  INSERT INTO public.tenantedge_rollout (fleet, id, action, current_digest, current_source, who, why)
  SELECT r.fleet, r.id + 1, '` + ActionLimit + `', r.current_digest, r.current_source, left(of_node, 200), left(reason, 1000)
  FROM public.tenantedge_rollout r WHERE r.fleet = of_fleet AND r.id = of_id AND r.candidate_digest <> '';
  RETURN FOUND;
EXCEPTION WHEN unique_violation THEN
  RETURN false;
END`
