package tenancy

// FileURL returns the URL of a file of a tenant. The base is Pathname.BaseURL.
func FileURL(base, name string) string { return joinURL(base, fileURL(name)) }
