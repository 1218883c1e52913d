package config

import "strings"

// Media is where the files of tenants are: Django's MEDIA_ROOT and MEDIA_URL. Those
// of a tenant are below <location>/<identifier>/ and have URLs below
// <base_url><identifier>/ or, if it is routed by folder, /<folder><base_url>.
// Exactly one of Location and S3 is set.
type Media struct {
	Location string `key:"location,path"`
	S3       *S3    `key:"s3"`
	// BaseURL begins and ends with a slash.
	BaseURL string `key:"base_url,nonempty"`
	// ActiveContent is "attachment", which makes browsers save files that can run
	// scripts (HTML, SVG, XML, JavaScript), or "inline", which trusts everybody who
	// can upload.
	ActiveContent string `key:"active_content,one=attachment|inline"`
	// Precompressed sends name.br, name.zst or name.gz for name to clients that
	// accept it, but not from S3. Users who choose the names of uploads could use it
	// to replace what others get.
	Precompressed bool `key:"precompressed"`
	// MaxFileBytes limits a file that the edge or a guest saves. MinFree is what
	// stays free on the disk. QuotaBytes and QuotaFiles limit the files of one
	// tenant. 0: no limit.
	MaxFileBytes int64 `key:"max_file_bytes,bytes"`
	MinFree      int64 `key:"min_free,bytes"`
	QuotaBytes   int64 `key:"quota_bytes,bytes"`
	QuotaFiles   int64 `key:"quota_files"`
	// MaxDepth limits the number of folders above a new file. 0: no limit.
	MaxDepth int `key:"max_depth"`
}

func (m *Media) decode(v value) {
	*m = Media{BaseURL: "/media/", ActiveContent: "attachment", Precompressed: true, MaxDepth: 32}
	found := v.object(m)
	v.exactlyOne(found, "location", "s3")
	if at, ok := found["min_free"]; ok && m.S3 != nil {
		at.fail("expected this key only with location, found it with s3, whose server does not report free space; remove it")
	}
	if at, ok := found["base_url"]; ok && at.n.kind == kindString && m.BaseURL != "" && !isPlainPrefix(m.BaseURL) {
		at.fail("expected a path such as \"/media/\", with a slash at both ends and no encoded characters, found %s", at.n.found())
	}
}

// isPlainPrefix reports whether s is a path with a slash at both ends that has no
// other spelling.
func isPlainPrefix(s string) bool {
	if len(s) < 3 || s[0] != '/' || s[len(s)-1] != '/' {
		return false
	}
	for segment := range strings.SplitSeq(s[1:len(s)-1], "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`%?#\;:`, r) })
}

// Accel makes the edge send a file of the tenant when the application responds
// with X-Accel-Redirect or X-Sendfile.
type Accel struct {
	// Prefix precedes the name of the tenant's file in X-Accel-Redirect; empty: that
	// header is not followed.
	Prefix string `key:"prefix,nonempty"`
	// Location is the folder of all tenants' files; empty: they are those of Media.
	Location string `key:"location,path"`
}

func (a *Accel) decode(v value) {
	found := v.object(a)
	if at, ok := found["prefix"]; ok && at.n.kind == kindString && a.Prefix != "" && !isPlainPrefix(a.Prefix) {
		at.fail("expected a path such as \"/protected/\", with a slash at both ends and no encoded characters, found %s", at.n.found())
	}
}

// checkFiles reports urlconfs that serve files without a location, or only to
// signed URLs without signing keys.
func (f *File) checkFiles(d *decoder) {
	for name, c := range f.URLConfs {
		at := func(key string) *path { return root("urlconfs", name, key) }
		if c.Media && f.Media == nil {
			f.failAt(d, at("media"), "expected the top-level key media, which says where tenants' files are stored, found none; add it")
		}
		if c.Accel != nil && c.Accel.Location == "" && f.Media == nil {
			f.failAt(d, at("accel"), "expected a location, or the top-level key media, found neither; add one of them")
		}
		if c.Access == AccessSigned && len(f.SigningKeys) == 0 {
			f.failAt(d, at("access"), "expected the top-level key signing_keys, which access signed needs, found none; add it")
		}
	}
}

// checkKeys reports ids that several keys have.
func (v value) checkKeys(keys []ProofKey) {
	ids := make(map[string]bool, len(keys))
	for i, k := range keys {
		if k.ID != "" && ids[k.ID] {
			value{v.d, v.n.items[i], v.p.item(i)}.fail("expected each id once, found %q again; choose another", shorten(k.ID))
		}
		ids[k.ID] = true
	}
}
