/* The guest of ../main.go. */
#include "tenantedge.h"

static te_text slash_after(te_text t, te_text prefix) { return te_of(t.at + prefix.len, t.len - prefix.len); }

#define COMMAND(name) te_starts(r->target, TE_TEXT("/" name "/"))
#define ARGUMENT(name) slash_after(r->target, TE_TEXT("/" name "/"))

static void route(const te_request *r, te_decision *d) {
	uint32_t err = TE_OK;
	te_text text = TE_TEXT("");
	te_record row;
	char *bytes = te_alloc(3);
	if (COMMAND("panic")) {
		TE_PANIC("boom");
	} else if (COMMAND("log")) {
		te_text pairs[] = {TE_TEXT("path"), ARGUMENT("log"), TE_TEXT(""), TE_TEXT("x")};
		te_log_attrs(TE_WARN, ARGUMENT("log"), pairs, 2);
	} else if (COMMAND("random")) {
		err = te_random(bytes, 3);
		text = te_of(bytes, 3);
	} else if (COMMAND("now")) {
		if (te_now() == 1767225600000000000) text = TE_TEXT("2026");
	} else if (COMMAND("query")) {
		err = te_query(TE_TEXT(""), ARGUMENT("query"), TE_TEXT("[\"a\"]"), &text);
	} else if (COMMAND("file")) {
		err = te_read_file(ARGUMENT("file"), 8, &text);
	} else if (COMMAND("primary")) {
		err = te_primary_domain(ARGUMENT("primary"), &row);
		if (err == TE_OK) {
			text = te_sent(row.domain);
			te_append(&text, TE_TEXT("|"));
			te_append(&text, row.folder);
		}
	} else if (COMMAND("domain")) {
		err = te_tenant_by_domain(ARGUMENT("domain"), TE_TEXT("f"), &row);
		if (err == TE_OK) {
			te_serve(d, &row, ARGUMENT("domain"));
			d->path = TE_TEXT("/");
			te_set_header(d, TE_TEXT("X-Probe"), te_sent(te_attribute(&row, TE_TEXT("plan"))));
			return;
		}
	} else if (COMMAND("headers")) {
		text = te_sent(te_header(r, 0));
		te_append(&text, TE_TEXT(","));
		te_append(&text, te_header(r, 1));
		if (r->trusted) te_append(&text, TE_TEXT(",trusted"));
	}
	te_refuse(d, TE_BAD_REQUEST, err == TE_OK ? text : te_error(err));
	if (!d->reason.len) d->reason = te_absent();
}

static void reverse_key(const te_key_request *r, te_text *key, te_text *error) {
	(void)r;
	(void)key;
	*error = te_error(TE_INVALID);
}

static void pathname(const te_path_request *q, te_path_reply *p) {
	if (q->schema.len) p->identifier = q->schema;
	if (!te_present(q->name)) return;
	p->path = te_sent(q->location);
	te_append(&p->path, TE_TEXT("/"));
	te_append(&p->path, q->name);
}

static uint32_t authorize(const te_access *a) {
	if (te_equal(te_sent(te_access_header(a, 0)), TE_TEXT("x"))) return TE_DENY;
	return te_present(a->name) && te_equal(a->name, TE_TEXT("a.txt")) ? TE_ALLOW : TE_HIDE;
}

static void on_open(te_socket *s) {
	te_text protocol = te_until(te_sent(te_protocols(s)), '\n'), state = te_sent(te_path(s));
	if (protocol.len) te_accept(s, protocol);
	te_append(&state, TE_TEXT(","));
	te_append(&state, te_sent(te_open_header(s, 0)));
	te_set_state(s, state);
}

static void on_message(te_socket *s, te_text data, bool binary) {
	(void)binary;
	te_send_binary(s, data);
	te_group_discard(s, TE_TEXT("group"));
	te_event e = te_event_of(TE_TEXT("probe"));
	te_add_text(&e, TE_TEXT("text"), data);
	te_add_int(&e, TE_TEXT("least"), -32);
	te_add_int(&e, TE_TEXT("most"), 127);
	te_add_int(&e, TE_TEXT("less"), -33);
	te_add_int(&e, TE_TEXT("more"), 128);
	te_channel_send(s, TE_TEXT("channel"), e);
	te_open_channel(s);
}

static const te_consumer consumer = {on_open, on_message, 0, 0, 0};

static int32_t self_test(void) { return 0; }

TE_GUEST("{\"name\":\"probe\",\"headers\":[\"A\",\"B\"],\"authorize_headers\":[\"A\"],\"consumer_headers\":[\"A\"],\"set_headers\":[\"X-Probe\"],\"consumer\":true}")
TE_ROUTE(route)
TE_REVERSE_KEY(reverse_key)
TE_PATHNAME(pathname)
TE_AUTHORIZE(authorize)
TE_SELF_TEST(self_test)
TE_CONSUMER(&consumer)
