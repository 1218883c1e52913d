package config

import (
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/uploads"
)

// Uploads lets clients create, replace and delete files of their tenant with PUT,
// DELETE and, if Resumable, the tus protocol, which is not available with S3.
type Uploads struct {
	MaxBytes  int64 `key:"max_bytes,bytes"` // of one file; 0: Media.MaxFileBytes
	Resumable bool  `key:"resumable"`
	// Expiry is how long a resumable upload may take.
	Expiry time.Duration `key:"expiry,min=1"`
	// Timeout is how long a client may send nothing.
	Timeout time.Duration `key:"timeout,min=1"`
	// Public lets everybody upload. It requires AccessPublic, and the reverse.
	Public bool `key:"public"`
}

func (u *Uploads) decode(v value) {
	*u = Uploads{Resumable: true, Expiry: uploads.DefaultExpiry, Timeout: uploads.DefaultTimeout}
	v.object(u)
}

// check reports contradictions between u and the other keys of c.
func (u *Uploads) check(at value, c *URLConf) {
	switch {
	case !c.Media:
		at.fail("expected this key only with media, found it without; remove it")
	case u != nil && c.Access == AccessPublic && !u.Public:
		at.fail("expected access private or signed, found public, which would let anyone upload; to allow that, add public: true to uploads")
	case u != nil && c.Access != AccessPublic && u.Public:
		at.fail("expected public: true only with access public, found it with access %s; remove it", c.Access)
	}
}
