// Package tenancy decides which tenant a request is for. It is the logic of
// the default guest, and runs natively just as it does in Wasm: it does no I/O,
// and asks a [Directory] for the tenants that are rows of a database.
//
//	router, err := tenancy.New(&config)
//	var d tenancy.Decision
//	router.Route(&tenancy.Request{Method: "GET", Host: "acme.example.com", HasHost: true, Target: "/"}, directory, &d)
//
// There are two sets of rules. The hardened ones are the default. The strict
// ones do what django-pgschemas 1.3 on Django 5.2 does, request by request, for
// teams that move over and must see no difference. Where the hardened rules
// had to choose, they chose so:
//
//   - Host names are compared in the form that [NormalizeHost] gives; a request
//     whose Host is missing, repeated or malformed is refused with 400.
//   - The request-target is a path, an absolute URL that agrees with the Host, or
//     "*" for OPTIONS; percent-encoding that is broken, hides a NUL or is no
//     UTF-8 is refused with 400.
//   - A folder is the first segment of the path. Ways to write one that an
//     upstream might read otherwise (an encoded or doubled slash, a backslash, a
//     path that climbs out of its folder) are refused with 400, but only where a
//     folder is at stake: elsewhere they mean no other tenant.
//   - A header that names a tenant is read only if the host vouches for it
//     ([Request.Trusted]), in both sets of rules.
//   - What names a tenant that does not exist is 404, and so is a request for
//     which no router finds one. Routers that find different tenants are 421,
//     unless the configuration says that the last one wins.
//   - A redirect to the primary domain keeps the query; it is a 308 for methods
//     other than GET and HEAD. Rows that redirect to themselves route normally,
//     and so do websocket handshakes, which do not follow redirects.
package tenancy
