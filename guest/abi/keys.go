package abi

// Fields of the requests of te_cache_key (all four) and te_reverse_key (only
// KeyKey), and of their reply. The version is text, as Python's str returns it.
const (
	KeySchema  = 0
	KeyPrefix  = 1
	KeyVersion = 2
	KeyKey     = 3

	KeyResult = 0 // a cache key begins with the schema, as [DecCachePrefix] does
	KeyError  = 1 // the reason why there is no result; KeyResult is absent then
)

// Fields of the request of te_pathname, and of its reply. Location and base
// URL are those of the storage, without the tenant. Without a name the reply has
// only the identifier and the bases. A field of the reply that the guest cannot
// determine is absent, and PathError has the reason (a name that leaves the root,
// say); the other fields are valid.
const (
	PathSchema         = 0
	PathFolder         = 1 // folder by which the tenant was routed, empty if none
	PathSchemaPathname = 2 // the tenant's own identifier, absent if it has none
	PathLocation       = 3
	PathBaseURL        = 4
	PathName           = 5

	PathIdentifier   = 0
	PathBaseLocation = 1
	PathTenantURL    = 2 // the base URL with the tenant in it
	PathPath         = 3
	PathURL          = 4
	PathError        = 5
)
