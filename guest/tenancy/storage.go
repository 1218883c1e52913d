package tenancy

import (
	"errors"
	"strings"
)

// PathQuery asks where a tenant's file is. Location and BaseURL are the
// storage's own, before the tenant comes in.
type PathQuery struct {
	Schema string // empty: public
	Folder string // by which the tenant was routed, empty if none
	// SchemaPathname is the tenant's own identifier, if it has one.
	SchemaPathname    string
	HasSchemaPathname bool
	// Location is the folder on disk above all tenants' files. Make it absolute
	// first: here is no working directory, so a relative one stays relative.
	Location string
	BaseURL  string // URL above all tenants' files, such as "/media/"
	Name     string // the file's name inside the tenant's files
	HasName  bool   // without, only identifier and bases are asked for
}

// Pathname is where a tenant's file is. Err says why what is missing cannot be
// answered; what is there still holds.
type Pathname struct {
	Identifier   string // stands for the tenant in path and URL
	BaseLocation string // Location with the tenant in it
	BaseURL      string // BaseURL with the tenant in it
	Path, URL    string // of the file; empty if refused, or not asked for
	HasPath      bool
	HasURL       bool
	Err          error
}

// Why a storage cannot answer. Each comes with what to do about it.
var (
	ErrIdentifier  = errors.New("identifier is not one path segment: set schema_pathname to a name without slashes that is neither . nor .. itself")
	ErrBaseURL     = errors.New("base URL is absolute or only slashes: expected a path such as /media/")
	ErrOutsideRoot = errors.New("name leaves the tenant's files")
	ErrName        = errors.New("name has a NUL")
)

// Locate answers q. Under strict rules the path is what Django's
// FileSystemStorage gives, and the URL whatever urljoin makes of the name.
// Under the hardened ones, a name is refused as a whole if its path leaves the
// tenant's location or its URL the tenant's base.
//
// In both, the URL of a tenant that was routed by folder has the folder in
// front, where the reference leaves it out.
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

// tenantURL is the base URL with the tenant in it: the identifier behind, or
// the folder in front.
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
	return "/" + parent + "/" + identifier + slashBehind(identifier), true
}

// folderOf is the identifier below the location, with a slash at the end.
func folderOf(location, identifier string) string {
	switch {
	case strings.HasPrefix(identifier, "/"):
		return identifier + slashBehind(identifier)
	case identifier == "":
		return location + slashBehind(location)
	case location == "":
		return identifier + slashBehind(identifier)
	}
	return location + slashBehind(location) + identifier + slashBehind(identifier)
}

// slashBehind is the slash that path lacks at its end.
func slashBehind(path string) string {
	if strings.HasSuffix(path, "/") {
		return ""
	}
	return "/"
}

// harden takes path and URL back if either leaves what is the tenant's.
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

// isSegment reports whether s can be one segment of a path: not empty, not "."
// or "..", and without slashes of either kind or NUL.
func isSegment(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/\\\x00")
}
