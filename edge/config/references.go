package config

import (
	"maps"
	"slices"
)

// References returns the files with certificates, secrets and error pages that the file
// names, in the same order for equal Files. An edge
// that runs reads them again when they change.
func (f *File) References() []string {
	var all []string
	add := func(paths ...string) {
		for _, path := range paths {
			if path != "" {
				all = append(all, path)
			}
		}
	}
	certificates := func(pairs []Certificate) {
		for _, c := range pairs {
			add(c.Cert, c.Key)
		}
	}
	for _, l := range f.Listeners {
		certificates(l.TLS)
	}
	certificates(f.AdminTLS)
	for _, k := range append(f.TenantHeaderProof[:len(f.TenantHeaderProof):len(f.TenantHeaderProof)], f.SigningKeys...) {
		add(k.SecretFile)
	}
	for _, t := range f.AdminTokens {
		add(t.SecretFile)
	}
	add(f.Directory.DSNFile)
	if s := f.Sessions; s != nil {
		add(s.SecretKeyFile, s.DSNFile)
		add(s.FallbacksFile...)
	}
	if m := f.Media; m != nil && m.S3 != nil {
		add(m.S3.AccessKeyFile, m.S3.SecretKeyFile)
	}
	if r := f.Channels.Redis; r != nil {
		add(r.HostsFile, r.CAFile)
		add(r.KeysFile...)
	}
	for _, key := range slices.Sorted(maps.Keys(f.ErrorPages)) {
		add(f.ErrorPages[key])
	}
	return all
}
