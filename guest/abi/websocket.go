package abi

// Exports of a guest that handles websockets, and the contract behind them.
//
// A guest that says [Configured.Consumer] handles the websockets of the routes
// whose target is the consumer. It has two more exports, and may have three
// further ones; all take the length of an event in the buffer and reply:
//
//	te_ws_open(len i32) -> i64      a handshake: accept or refuse it
//	te_ws_message(len i32) -> i64   a message of the client
//	te_ws_close(len i32) -> i64     optional: the websocket is closed; nothing can be sent any more
//	te_ws_group(len i32) -> i64     optional: a message to a group, or to the websocket's channel
//	te_ws_timer(len i32) -> i64     optional: the timer that an event before has set
//
// The events of one websocket come in order and one at a time; each is a call
// like that of a request, with the same limits, and leaves nothing behind in
// the guest. What a guest wants to know at the next event it puts into the
// state, at most [MaxState] bytes that the host keeps for the websocket and
// hands in again. It survives a change of the guest, so a guest should be able
// to read what its predecessor wrote.
//
// What is to happen is in the reply, and happens if the call succeeds, in the
// order given. In that to te_ws_open, GroupAdd and OpenChannel come first, and
// the handshake is refused where they fail. A guest that traps, or replies what the contract does not have,
// has sent nothing. Its websocket is closed with 1011.
//
// While a guest is loaded, the host may call it with made-up events of the
// route "warmup", as it does with made-up requests.
//
// Groups and channels are named as the application names them. The host adds
// the tenant: there is no name for another's.
//
// # A worked example
//
// The message "hi" on a websocket of the route "room" and the static tenant
// "www", whose state is "n=1", is 76 bytes:
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
// A guest that echoes it and counts to two replies 54 bytes:
//
//	00: 00 00 00 00                word: nothing
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

// Fields of an event. Those from EventKwargs on are of te_ws_open alone; from
// EventHeader0 on come the values of [Configured.ConsumerHeaders], in the form
// of those of a route request.
const (
	EventRoute      = 0 // name of the route that matched
	EventSchema     = 1 // the tenant's
	EventTenantID   = 2 // absent for a static tenant
	EventIdentifier = 3 // what stands for the tenant in file paths and URLs
	EventState      = 4 // absent if there is none
	EventChannel    = 5 // name of the websocket's channel, absent without one; see EffectChannel
	// EventData is, of te_ws_message, what the client sent; of te_ws_group, the
	// group message, a MessagePack map with "type" among its keys; of
	// te_ws_close, the reason in words.
	EventData      = 6
	EventKwargs    = 7 // the route's values as one JSON object, absent if there are none
	EventPath      = 8 // decoded path that the tenant sees
	EventProtocols = 9 // subprotocols that the client offers, separated by line feeds; absent without any
	EventHeader0   = 10
)

// The word of an event. EventCode is of te_ws_close: the code of RFC 6455,
// 1006 where no close frame came.
const (
	EventBinary    = 1 << 0 // te_ws_message: the message is binary, not text
	EventCodeShift = 16
)

// Fields of the reply to an event. Effect i has its name at EffectsName0 + 2i
// and its data in the field behind that.
const (
	EffectsState    = 0 // what the state is now; absent: what it was
	EffectsProtocol = 1 // te_ws_open: the subprotocol, one of those offered
	EffectsKinds    = 2 // a byte for each effect, see [Effect]; absent: there are none
	EffectsName0    = 3
	EffectsData0    = 4
)

// EffectsStatusShift is where the word of te_ws_open's reply has the HTTP
// status that refuses the handshake, 400 to 599; 0 accepts it. A handshake that
// is refused has no effects.
const EffectsStatusShift = 16

// MaxSocketMessage is how long a message of a client, or of a group, may be to
// fit the buffer in any case. For an event that does not fit, the host calls
// te_buffer with its size, right before the event and for it alone; a guest that
// refuses has the websocket closed with 1009.
const MaxSocketMessage = 56 << 10

// Effect is a thing that a guest wants done.
type Effect uint8

// The effects, with the arguments that they take; others are ignored.
const (
	SendText     Effect = 1 // data: UTF-8
	SendBinary   Effect = 2 // data
	GroupAdd     Effect = 3 // name: the group's
	GroupDiscard Effect = 4 // name: the group's
	GroupSend    Effect = 5 // name: the group's; data: a MessagePack map, with text under "type"
	ChannelSend  Effect = 6 // name: the channel's; data: as for GroupSend
	// SetTimer has te_ws_timer called once, in so many milliseconds: data has
	// them in 4 bytes. It replaces the timer that is set; 0 takes it back.
	SetTimer Effect = 7
	// CloseSocket ends the websocket, and is the last effect. data: the code in
	// 2 bytes (1000-1003, 1007-1014, 3000-4999); name: the reason in words, at
	// most 123 bytes, absent for none. te_ws_open cannot: it refuses.
	CloseSocket Effect = 8
	// OpenChannel gives the websocket a channel, if it has none, whose name is
	// in later events: others can send to it. GroupAdd does the same.
	OpenChannel Effect = 9
)

// A group message of the type TypeSend is for the client: its entry "text"
// (text) or "bytes" (binary) is sent as it is, and no guest is called for it.
// Reaching many websockets costs the edge a fraction of calling the guest for
// each. TypeClose closes them, with the entry "code" if there is one. The types
// and entries are those of ASGI's events, and Django processes may send them.
const (
	TypeSend  = "websocket.send"
	TypeClose = "websocket.close"
)
