// Package tenancy decides which tenant a request is for. It is the logic of the
// default guest, and runs natively too. It does no I/O, and finds dynamic tenants
// in a [Directory].
//
//	router, err := tenancy.New(&config)
//	var d tenancy.Decision
//	router.Route(&tenancy.Request{Method: "GET", Host: "acme.example.com", HasHost: true, Target: "/"}, directory, &d)
//
// There are two sets of rules. The strict rules do what django-pgschemas 1.3 on
// Django 5.2 does, for teams that migrate and must see no difference. The
// hardened rules, the default, differ where that is ambiguous or unsafe:
//
//   - Host names are compared in the form of [NormalizeHost]. A request whose Host
//     is missing, repeated or malformed gets 400.
//   - The request-target is a path, an absolute URL with the host of the Host
//     header, or "*" for OPTIONS. Invalid percent-encoding, an encoded NUL and
//     text that is not UTF-8 get 400.
//   - A folder is the first segment of the path. Spellings that an upstream could
//     read differently (an encoded or repeated slash, a backslash, a path that
//     leads out of the folder) get 400 if a tenant has the folder.
//   - The tenant header is read only if the host trusts it ([Request.Trusted]), in
//     both sets of rules.
//   - A header or session with an unknown tenant gets 404, as does a request for
//     which no router finds a tenant. If routers find different tenants, the
//     request gets 421, unless the configuration lets the last one win.
//   - A redirect to the primary domain keeps the query, and is a 308 for methods
//     other than GET and HEAD. Primary rows do not redirect, and neither do
//     websocket handshakes, whose clients do not follow redirects.
//
// README.md has the rules in full.
package tenancy
