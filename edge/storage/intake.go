package storage

import (
	"context"
	"io"
)

// Intake is content on its way into a new file: it is read for as long as the
// context lasts, the file may be of that size, and the tenant's quota has room.
type Intake struct {
	source
	taken bool
}

// Ledger counts what tenants keep. Only the backend that made the namespace has
// it: whoever has a tenant's files must not change what is counted.
type Ledger struct{ space *Namespace }

// Intake begins one of no more than maxSize bytes; 0: no limit. It fails with
// ErrQuota where there is no room for one more file. It ends with Settle.
func (l *Ledger) Intake(ctx context.Context, of *Names, content io.Reader, maxSize int64) (*Intake, error) {
	return l.intake(ctx, of, content, maxSize, Usage{Files: 1})
}

// Replacement is Intake for content that takes the place of a file: both have
// room until the old one is gone, which Replaced records.
func (l *Ledger) Replacement(ctx context.Context, of *Names, content io.Reader, maxSize int64) (*Intake, error) {
	return l.intake(ctx, of, content, maxSize, Usage{})
}

func (l *Ledger) intake(ctx context.Context, of *Names, content io.Reader, maxSize int64, more Usage) (*Intake, error) {
	if of.space != l.space {
		return nil, ErrNoTenant
	}
	i := &Intake{source: source{ctx: ctx, content: content, limit: maxSize, account: of.account()}}
	if i.account != nil {
		if err := i.reserve(more); err != nil {
			return nil, err
		}
	}
	return i, nil
}

// Settle ends the intake: what was read is kept from now on, or not at all.
func (i *Intake) Settle(kept bool) {
	if i.account != nil && !i.taken {
		i.account.settle(i.reserved, kept)
	}
	i.taken = true
}

// Removed records that a file was deleted, so that its room is the tenant's
// again.
func (l *Ledger) Removed(of *Names, size int64) {
	if a := of.account(); a != nil {
		a.removed(size)
	}
}

// Replaced records that another file has taken the place of one.
func (l *Ledger) Replaced(of *Names, size int64) {
	if a := of.account(); a != nil {
		a.gone(Usage{Bytes: size})
	}
}

// CheckNew is what Django asks of a name before it saves under it, and that it
// has no more folders than are allowed.
func (v *Names) CheckNew(name string) error {
	if err := checkRelative(name); err != nil {
		return err
	}
	rel, err := v.resolve(name)
	if err != nil {
		return err
	}
	return v.checkDepth(rel)
}

// Reserved reports whether a name is one of those that backends give to what is
// not whole yet, or is below one. No tenant can name it.
func Reserved(name string) bool { return reserved(name) }

// ReservedName is a new one: a segment of a path.
func ReservedName() string { return temporaryPrefix + randomText(26) }
