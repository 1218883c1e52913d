/* The websocket consumer of examples/chatroom in C. Its own routing finds the tenant by
 * the domain, and serves websockets of the path /rooms/NAME.
 *
 *   clang --target=wasm32 -ffreestanding -nostdlib -O2 -mbulk-memory -Wl,--no-entry \
 *         -I ../../../c -o chatroom.wasm chatroom.c
 */
#include "tenantedge.h"

enum { IDLE = 60 * 60 * 1000, MAX_MESSAGE = 4 << 10, POLICY = 1008, GOING_AWAY = 1001 };

static te_event chat_message(te_text text) {
	te_event e = te_event_of(TE_TEXT("chat.message"));
	te_add_text(&e, TE_TEXT("text"), text);
	return e;
}

/* is_name reports whether room is valid in a group's name. */
static bool is_name(te_text room) {
	for (uint32_t i = 0; i < room.len; i++) {
		char c = room.at[i], lower = (char)(c | 32);
		if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_') return false;
	}
	return room.len > 0 && room.len <= 30;
}

static void on_open(te_socket *s) {
	te_text room = te_kwarg(s, TE_TEXT("room"));
	if (!is_name(room)) {
		te_reject(s, 404);
		return;
	}
	te_text group = TE_TEXT("room_");
	te_append(&group, room);
	te_group_add(s, group);
	te_set_state(s, group);
	te_set_timer(s, IDLE);
	te_group_send(s, group, chat_message(TE_TEXT("someone came in")));
}

static void on_message(te_socket *s, te_text data, bool binary) {
	if (binary || data.len > MAX_MESSAGE) {
		te_close(s, POLICY, TE_TEXT("expected a short text"));
		return;
	}
	te_set_timer(s, IDLE);
	te_group_send(s, s->state, chat_message(data));
}

static void on_group(te_socket *s, te_event e) {
	te_text text = te_get_text(e, TE_TEXT("text"));
	if (te_present(text) && te_equal(te_type(e), TE_TEXT("chat.message"))) te_send_text(s, text);
}

static void on_timer(te_socket *s) { te_close(s, GOING_AWAY, TE_TEXT("idle for an hour")); }

static void on_close(te_socket *s, uint32_t code, te_text reason) {
	(void)code;
	(void)reason;
	te_group_send(s, s->state, chat_message(TE_TEXT("someone left")));
}

static void route(const te_request *r, te_decision *d) {
	te_record row;
	te_text domain = te_until(r->host, ':');
	if (te_tenant_by_domain(domain, TE_TEXT(""), &row) != TE_OK) {
		te_refuse(d, TE_MISSING, TE_TEXT("no tenant has this domain"));
		return;
	}
	te_serve(d, &row, domain);
	d->path = te_sent(te_until(r->target, '?'));
	te_text prefix = TE_TEXT("/rooms/");
	if (r->websocket && te_starts(d->path, prefix)) {
		te_text room = te_of(d->path.at + prefix.len, d->path.len - prefix.len);
		if (!is_name(room)) return;
		d->route = TE_TEXT("room");
		d->kwargs = TE_TEXT("{\"room\":\"");
		te_append(&d->kwargs, room);
		te_append(&d->kwargs, TE_TEXT("\"}"));
	}
}

static const te_consumer consumer = {on_open, on_message, on_close, on_group, on_timer};

TE_GUEST("{\"name\":\"chatroom\",\"version\":\"1\",\"consumer\":true}")
TE_ROUTE(route)
TE_CONSUMER(&consumer)
