package abi

// Exports of a guest that handles websockets.
//
// A guest that sets [Configured.Consumer] handles the websockets of the routes
// that the configuration directs to the consumer. It has these exports, which take
// the length of an event in the buffer and reply:
//
//	te_ws_open(len i32) -> i64      a handshake: accept or reject it
//	te_ws_message(len i32) -> i64   a message of the client
//	te_ws_close(len i32) -> i64     optional: the websocket is closed; the client cannot be reached
//	te_ws_group(len i32) -> i64     optional: a message to a group, or to the websocket's channel
//	te_ws_timer(len i32) -> i64     optional: the timer of an earlier event has fired
//
// The events of one websocket are delivered in order, one at a time. Each is a
// call with the limits of a request, after which the guest's memory is reset. The
// host keeps a state of at most [MaxState] bytes for each websocket and sends it
// with the next event. The state survives a swap of the guest, so a guest should
// read what its predecessor wrote.
//
// The reply lists effects, which the host executes in order if the call succeeds.
// For te_ws_open it executes GroupAdd and OpenChannel first, and rejects the
// handshake if one of them fails. If the guest traps or its reply violates the
// contract, no effect is executed and the websocket is closed with 1011.
//
// While a guest is loaded, the host may call it with synthetic requests, and with
// synthetic events of the route "warmup".
//
// Groups and channels have the application's names. The host adds the tenant, so a
// guest cannot address those of another tenant.
//
// # A worked example
//
// The message "hi" on a websocket with the route "room", the static tenant "www"
// and the state "n=1" has 76 bytes:
//
//	00: 00 00 00 00                word: text
//	04: 07 00 00 00                seven fields
//	08: 40 00 00 00  04 00 00 00   0 route       at 64, 4 bytes
//	10: 44 00 00 00  03 00 00 00   1 schema      at 68, 3 bytes
//	18: 00 00 00 00  00 00 00 00   2 tenant id   absent: a static tenant
//	20: 44 00 00 00  03 00 00 00   3 identifier  the same bytes as the schema's
//	28: 47 00 00 00  03 00 00 00   4 state       at 71, 3 bytes
//	30: 00 00 00 00  00 00 00 00   5 channel     absent
//	38: 4a 00 00 00  02 00 00 00   6 data        at 74, 2 bytes
//	40: 72 6f 6f 6d 77 77 77 6e 3d 31 68 69      "roomwwwn=1hi"
//
// A guest that echoes it and sets the state to "n=2" replies 54 bytes:
//
//	00: 00 00 00 00                word: 0
//	04: 05 00 00 00                five fields
//	08: 30 00 00 00  03 00 00 00   0 state       at 48, 3 bytes
//	10: 00 00 00 00  00 00 00 00   1 protocol    absent
//	18: 33 00 00 00  01 00 00 00   2 effects     at 51, 1 byte: there is one
//	20: 00 00 00 00  00 00 00 00   3 its name    absent
//	28: 34 00 00 00  02 00 00 00   4 its data    at 52, 2 bytes
//	30: 6e 3d 32 01 68 69                        "n=2", SendText, "hi"
const (
	ExportOpen    = "te_ws_open"
	ExportMessage = "te_ws_message"
	ExportClose   = "te_ws_close"
	ExportGroup   = "te_ws_group"
	ExportTimer   = "te_ws_timer"
)

// Fields of an event. Only te_ws_open has those from EventKwargs on. The fields
// from EventHeader0 on are the values of [Configured.ConsumerHeaders], in the form
// of those of a route request.
const (
	EventRoute      = 0 // name of the route that matched
	EventSchema     = 1 // the tenant's
	EventTenantID   = 2 // absent for a static tenant
	EventIdentifier = 3 // the tenant's name in file paths and URLs
	EventState      = 4 // absent if there is none
	EventChannel    = 5 // name of the websocket's channel, absent without one; see OpenChannel
	// EventData is the client's message for te_ws_message; the group message, a
	// MessagePack map with the key "type", for te_ws_group; and the reason of the
	// close for te_ws_close.
	EventData      = 6
	EventKwargs    = 7 // the route's values as one JSON object, absent if there are none
	EventPath      = 8 // decoded path that the tenant sees
	EventProtocols = 9 // subprotocols that the client offers, separated by line feeds; absent if there are none
	EventHeader0   = 10
)

// The word of an event. For te_ws_close it has the status code of RFC 6455 at
// EventCodeShift, 1006 if the client sent no close frame.
const (
	EventBinary    = 1 << 0 // te_ws_message: the message is binary, not text
	EventCodeShift = 16
)

// Fields of the reply to an event. Effect i has its name at EffectsName0 + 2i
// and its data in the field after it.
const (
	EffectsState    = 0 // the new state; absent: unchanged
	EffectsProtocol = 1 // te_ws_open: the subprotocol, one of those offered
	EffectsKinds    = 2 // a byte for each effect, see [Effect]; absent: there are none
	EffectsName0    = 3
	EffectsData0    = 4
)

// EffectsStatusShift is the position of an HTTP status in the word of te_ws_open's
// reply: 0 accepts the handshake, 400 to 599 rejects it. A rejected handshake has
// no effects.
const EffectsStatusShift = 16

// MaxSocketMessage is the length in bytes up to which a message of a client or of
// a group always fits the buffer. For an event that does not fit, the host first
// calls te_buffer with its size. If the guest returns 0, the host closes the
// websocket with 1009.
const MaxSocketMessage = 56 << 10

// Effect is an action that a guest requests in its reply to an event.
type Effect uint8

// The effects and their arguments. Other arguments are ignored.
const (
	SendText     Effect = 1 // data: UTF-8
	SendBinary   Effect = 2 // data
	GroupAdd     Effect = 3 // name: the group's
	GroupDiscard Effect = 4 // name: the group's
	GroupSend    Effect = 5 // name: the group's; data: a MessagePack map, with text under "type"
	ChannelSend  Effect = 6 // name: the channel's; data: as for GroupSend
	// SetTimer calls te_ws_timer once, after the number of milliseconds in data (4
	// bytes). It replaces the websocket's timer; 0 cancels it.
	SetTimer Effect = 7
	// CloseSocket closes the websocket, and is the last effect. data: the code in
	// 2 bytes (1000-1003, 1007-1014, 3000-4999); name: the reason, at most 123
	// bytes, absent for none. It is not allowed for te_ws_open.
	CloseSocket Effect = 8
	// OpenChannel gives the websocket a channel if it has none, so that others can
	// send to it. Later events have its name. GroupAdd does the same.
	OpenChannel Effect = 9
)

// A group message of the type TypeSend goes to the client without a call of the
// guest, which costs a fraction of calling it for each websocket: the host sends
// the entry "text" as text, or the entry "bytes" as binary. TypeClose closes the
// websockets, with the code in the entry "code" if there is one. Types and entries
// are those of ASGI's events. Django processes may send them too.
const (
	TypeSend  = "websocket.send"
	TypeClose = "websocket.close"
)
