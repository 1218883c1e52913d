package tenancy

import (
	"errors"
	"strings"
)

// PathQuery is the input of Locate. Location and BaseURL are those of the storage,
// without the tenant.
type PathQuery struct {
	Schema string // empty: public
	Folder string // folder by which the tenant was routed, empty if none
	// SchemaPathname is the tenant's own identifier, if it has one.
	SchemaPathname    string
	HasSchemaPathname bool
	// Location is the folder on disk of all tenants' files. It should be absolute:
	// paths in a relative one are relative.
	Location string
	BaseURL  string // URL of all tenants' files, such as "/media/"
	Name     string // name of the file inside the tenant's files
	HasName  bool   // false: only the identifier and the bases are needed
}

// Pathname is the path and URL of a tenant's file. If Err is set, some fields are
// missing; the others are valid.
type Pathname struct {
	Identifier   string // the tenant's name in path and URL
	BaseLocation string // Location with the tenant in it
	BaseURL      string // BaseURL with the tenant in it
	Path, URL    string // of the file
	HasPath      bool
	HasURL       bool
	Err          error
}

// Errors of Locate.
var (
	ErrIdentifier  = errors.New("identifier is not one path segment: set schema_pathname to a name without slashes that is not a dot segment")
	ErrBaseURL     = errors.New("base URL is absolute or has only slashes: expected a path such as /media/")
	ErrOutsideRoot = errors.New("name leaves the tenant's files")
	ErrName        = errors.New("name has a NUL")
)

// Locate returns the path and URL of a tenant's file. Under strict rules the path
// is that of Django's FileSystemStorage, and the URL that of urljoin. Under
// hardened rules there is neither if the path leaves the tenant's location or the
// URL leaves the tenant's base URL.
//
// The URL of a tenant that was routed by folder begins with the folder, under both
// rules; the reference omits it.
func Locate(q *PathQuery, strictly bool) Pathname {
	p := Pathname{Identifier: q.identifier()}
	if !strictly && !isSegment(p.Identifier) {
		return Pathname{Err: ErrIdentifier}
	}
	p.BaseLocation = folderOf(q.Location, p.Identifier)
	var ok bool
	if p.BaseURL, ok = q.tenantURL(p.Identifier); !ok {
		p.Err = ErrBaseURL
	}
	if !q.HasName {
		return p
	}
	if p.Path, p.HasPath = safeJoin(p.BaseLocation, q.Name); !p.HasPath {
		p.Err = ErrOutsideRoot
	}
	if ok {
		p.URL, p.HasURL = joinURL(p.BaseURL, fileURL(q.Name)), true
	}
	if !strictly {
		p.harden(q.Name)
	}
	return p
}

func (q *PathQuery) identifier() string {
	switch {
	case q.HasSchemaPathname:
		return q.SchemaPathname
	case q.Schema == "":
		return PublicSchema
	default:
		return q.Schema
	}
}

// tenantURL returns the base URL with the tenant in it: the folder before it, or
// else the identifier after it. It is not ok if the base URL is not a path.
func (q *PathQuery) tenantURL(identifier string) (string, bool) {
	parent := strings.Trim(q.BaseURL, "/")
	absolute := strings.Contains(parent, "://") && !strings.HasPrefix(q.BaseURL, "/")
	if parent == "" || absolute {
		return "", false
	}
	if q.Folder != "" {
		return "/" + q.Folder + "/" + parent + "/", true
	}
	if identifier == "" {
		return "/" + parent + "/", true
	}
	return "/" + parent + "/" + identifier + missingSlash(identifier), true
}

// folderOf returns the tenant's folder below location, with a trailing slash.
func folderOf(location, identifier string) string {
	switch {
	case strings.HasPrefix(identifier, "/"):
		return identifier + missingSlash(identifier)
	case identifier == "":
		return location + missingSlash(location)
	case location == "":
		return identifier + missingSlash(identifier)
	}
	return location + missingSlash(location) + identifier + missingSlash(identifier)
}

// missingSlash returns a slash if path does not end with one.
func missingSlash(path string) string {
	if strings.HasSuffix(path, "/") {
		return ""
	}
	return "/"
}

// harden removes path and URL unless both are inside the tenant's files.
func (p *Pathname) harden(name string) {
	err := p.Err
	switch {
	case strings.IndexByte(name, 0) >= 0:
		err = ErrName
	case p.HasURL && !strings.HasPrefix(p.URL, p.BaseURL):
		err = ErrOutsideRoot
	case p.HasPath:
		return
	}
	p.Path, p.URL, p.HasPath, p.HasURL, p.Err = "", "", false, false, err
}

// isSegment reports whether s can be one segment of a path: not empty, "." or "..",
// and without slashes, backslashes and NUL.
func isSegment(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/\\\x00")
}
