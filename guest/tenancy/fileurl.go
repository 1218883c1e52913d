package tenancy

// FileURL is the URL of a file below the base URL of a tenant's files, as
// Locate gave it.
func FileURL(base, name string) string { return joinURL(base, fileURL(name)) }
