package abi

// te_authorize(len i32) -> i64 decides whether a request may have a file that
// the host's configuration calls private. It is optional: without it nobody
// may. The host calls it after te_route, for each request anew, GET and HEAD,
// with or without Range and conditions alike, and before it looks whether there
// is such a file.
//
// # The request
//
// Its word is 0. Fields of it are as the tenant was routed, never as the client
// claims. From AuthHeader0 on come the values of the headers that the guest
// asked for with [Configured.AuthorizeHeaders], in the order in which it asked,
// as those of a route request are: absent if not sent, several values separated
// by a line feed.
//
// "May GET /media/acme/a.txt of acme be had, by a client without a cookie",
// where the cookie was asked for, is 128 bytes:
//
//	00: 00 00 00 00                word
//	04: 09 00 00 00                nine fields
//	08: 50 00 00 00  04 00 00 00   0 schema     at 80, 4 bytes
//	10: 54 00 00 00  01 00 00 00   1 id         at 84, 1 byte
//	18: 55 00 00 00  03 00 00 00   2 method     at 85, 3 bytes
//	20: 58 00 00 00  11 00 00 00   3 path       at 88, 17 bytes
//	28: 69 00 00 00  05 00 00 00   4 name       at 105, 5 bytes
//	30: 6e 00 00 00  07 00 00 00   5 host       at 110, 7 bytes
//	38: 75 00 00 00  00 00 00 00   6 folder     empty: there is none
//	40: 75 00 00 00  0b 00 00 00   7 urlconf    at 117, 11 bytes
//	48: 00 00 00 00  00 00 00 00   8 header 0   absent
//	50: "acme" "1" "GET" "/media/acme/a.txt" "a.txt" "acme.io" "private.app"
//
// # The reply
//
// Its word is one of the verdicts below. Field AuthReason may say why, for
// logs. Any other word, a reply that is no message, none at all, and a guest
// that traps or takes too long mean that the file is not sent: the request
// fails (502), for the guest is broken.
//
//	00: 01 00 00 00                word: AuthAllow
//	04: 00 00 00 00                no fields
const ExportAuthorize = "te_authorize"

// Fields of the request of te_authorize, and of its reply.
const (
	AuthSchema   = 0
	AuthTenantID = 1 // id of a dynamic tenant; absent for a static one
	AuthMethod   = 2 // as the client sent it
	AuthPath     = 3 // decoded path as the tenant sees it: a folder that it was routed by is removed
	AuthName     = 4 // name of the file inside the tenant's files; absent if the path is that of none of them
	AuthHost     = 5 // Host header as the client sent it
	AuthFolder   = 6 // folder by which the tenant was routed, empty if none
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
