package backend

import (
	"crypto/rand"
	"strings"
)

// ReservedPrefix begins the names that backends give to incomplete files. No
// tenant can name, list or create such a name.
const ReservedPrefix = ".tenantedge-"

// Reserved reports whether a segment of a path begins with ReservedPrefix, in
// any case: a file system may ignore case.
func Reserved(name string) bool {
	for {
		if len(name) >= len(ReservedPrefix) && name[0] == '.' && strings.EqualFold(name[:len(ReservedPrefix)], ReservedPrefix) {
			return true
		}
		slash := strings.IndexByte(name, '/')
		if slash < 0 {
			return false
		}
		name = name[slash+1:]
	}
}

// ReservedName returns a new random name with ReservedPrefix.
func ReservedName() string { return ReservedPrefix + rand.Text() }
