package abi

// te_authorize(len i32) -> i64 decides whether a request may access a file that
// is private in the host's configuration. Without this export every such request
// is denied. The host calls it for each request, after te_route and before it
// looks for the file.
//
// # The request
//
// Its word is 0. The fields about the tenant are results of the routing, not claims
// of the client. The fields from AuthHeader0 on are the values of
// [Configured.AuthorizeHeaders], in that order and in the form of those of a route
// request: absent if not sent, several values joined by line feeds.
//
// The request GET /media/acme/a.txt of the tenant acme, for a guest that wants the
// header Cookie, which the client did not send, has 128 bytes:
//
//	00: 00 00 00 00                word
//	04: 09 00 00 00                nine fields
//	08: 50 00 00 00  04 00 00 00   0 schema     at 80, 4 bytes
//	10: 54 00 00 00  01 00 00 00   1 id         at 84, 1 byte
//	18: 55 00 00 00  03 00 00 00   2 method     at 85, 3 bytes
//	20: 58 00 00 00  11 00 00 00   3 path       at 88, 17 bytes
//	28: 69 00 00 00  05 00 00 00   4 name       at 105, 5 bytes
//	30: 6e 00 00 00  07 00 00 00   5 host       at 110, 7 bytes
//	38: 75 00 00 00  00 00 00 00   6 folder     empty: not routed by folder
//	40: 75 00 00 00  0b 00 00 00   7 urlconf    at 117, 11 bytes
//	48: 00 00 00 00  00 00 00 00   8 header 0   absent
//	50: "acme" "1" "GET" "/media/acme/a.txt" "a.txt" "acme.io" "private.app"
//
// # The reply
//
// Its word is one of the verdicts below. Field AuthReason may have the reason, for
// logs. If the word is another one, the reply is malformed or missing, or the guest
// traps or times out, the file is not sent and the request fails with status 502.
//
//	00: 01 00 00 00                word: AuthAllow
//	04: 00 00 00 00                no fields
const ExportAuthorize = "te_authorize"

// Fields of the request of te_authorize, and of its reply.
const (
	AuthSchema   = 0
	AuthTenantID = 1 // id of a dynamic tenant; absent for a static one
	AuthMethod   = 2 // as the client sent it
	AuthPath     = 3 // decoded path as the tenant sees it, without the folder
	AuthName     = 4 // name of the file inside the tenant's files; absent if the path is not that of a file
	AuthHost     = 5 // Host header as the client sent it
	AuthFolder   = 6 // folder by which the tenant was routed, or empty
	AuthURLConf  = 7
	AuthHeader0  = 8

	AuthReason = 0
)

// Verdicts: the word of a reply of te_authorize.
const (
	AuthAllow = 1
	AuthDeny  = 2 // 403
	AuthHide  = 3 // 404, as for a file that is missing
)
