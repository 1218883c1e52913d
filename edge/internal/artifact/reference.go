package artifact

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"oras.land/oras-go/v2/registry"
)

// Scheme begins each reference.
const Scheme = "oci://"

// IsReference reports whether text, a path or a reference, is meant as a reference.
func IsReference(text string) bool { return strings.HasPrefix(text, Scheme) }

// Reference names a repository of a registry and, unless it has neither tag nor
// digest, one artifact in it.
type Reference struct {
	// Registry is the host of the registry, with its port if it has one.
	Registry string
	// Repository is the name in the registry, such as guests/router.
	Repository string
	// Tag is empty if there is a digest.
	Tag string
	// Digest is that of the manifest, such as sha256:….
	Digest string
}

// Parse parses a reference: oci://registry/name, with :tag or @sha256:… added. With
// both, the digest counts.
func Parse(text string) (Reference, error) {
	fail := func(found string) (Reference, error) {
		return Reference{}, fmt.Errorf("expected a reference such as oci://registry.example.com/name:tag or …/name@sha256:…, found %s in %.300q", found, text)
	}
	rest, ok := strings.CutPrefix(text, Scheme)
	if !ok {
		return fail("no oci://")
	}
	if len(rest) > maxReference {
		return fail(fmt.Sprintf("more than %d bytes", maxReference))
	}
	parsed, err := registry.ParseReference(rest)
	if err != nil {
		return fail(strings.TrimPrefix(err.Error(), "invalid reference: "))
	}
	if name := parsed.Registry; strings.ContainsAny(name, "@%") || strings.TrimFunc(name, isHostChar) != "" {
		return fail("an invalid registry")
	}
	r := Reference{Registry: parsed.Registry, Repository: parsed.Repository}
	switch found := parsed.Reference; {
	case strings.HasSuffix(rest, ":") || strings.HasSuffix(rest, "@"):
		return fail("neither a tag nor a digest at its end")
	case !strings.ContainsRune(found, ':'):
		r.Tag = found
	case !strings.HasPrefix(found, "sha256:"):
		return fail("a digest other than sha256")
	default:
		r.Digest = found
	}
	return r, nil
}

// maxReference is generous: a host has at most 255 bytes, and so have a repository,
// a tag and a digest together in most registries.
const maxReference = 1 << 10

func isHostChar(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._:[]", r)
}

// String returns the reference in the form that Parse takes.
func (r Reference) String() string {
	s := r.Name()
	switch {
	case r.Digest != "":
		s += "@" + r.Digest
	case r.Tag != "":
		s += ":" + r.Tag
	}
	return s
}

// Name returns the reference of the repository.
func (r Reference) Name() string { return Scheme + r.Registry + "/" + r.Repository }

// WithDigest returns the reference of a manifest in the same repository.
func (r Reference) WithDigest(digest string) Reference {
	r.Tag, r.Digest = "", digest
	return r
}

// CheckPlace returns an error for what cannot be the place of Within.
func CheckPlace(place string) error {
	name := place
	if !strings.Contains(name, "/") {
		name += "/any"
	}
	if r, err := Parse(Scheme + name); err != nil || r.Registry+"/"+r.Repository != name {
		return fmt.Errorf("expected a registry such as registry.example.com:5000, or a repository in it such as registry.example.com/guests, found %.300q", place)
	}
	return nil
}

// Within reports whether r is in a place: a registry, or a repository, which may be the
// first part of the name of others. Ports and upper case count.
func (r Reference) Within(place string) bool {
	return strings.HasPrefix(r.Registry+"/"+r.Repository+"/", place+"/")
}

// isLoopback reports whether the registry is on this machine.
func (r Reference) isLoopback() bool {
	host := r.Registry
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.IsLoopback()
}
