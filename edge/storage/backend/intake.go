package backend

import (
	"context"
	"io"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// Intake reads the content of one new file. Reading fails when the context
// ends, when the content exceeds the maximum size (ErrTooLarge), or when the
// tenant's quota leaves no room (ErrQuota).
type Intake struct {
	ctx      context.Context
	content  io.Reader
	limit    int64 // 0: none
	read     int64
	account  *Account
	reserved storage.Usage
	settled  bool
}

// Intake begins an intake of at most maxSize bytes (0: no limit), and reserves
// more: Files 1 for a new file, nothing for one that replaces another. Settle
// ends it.
func (l *Ledger) Intake(ctx context.Context, of *Names, content io.Reader, maxSize int64, more storage.Usage) (*Intake, error) {
	if of.space != l.space {
		return nil, storage.ErrNoTenant
	}
	i := &Intake{ctx: ctx, content: content, limit: maxSize, account: l.Account(of)}
	return i, i.Reserve(more)
}

// Read implements io.Reader.
func (i *Intake) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := i.content.Read(p)
	i.read += int64(n)
	if i.limit > 0 && i.read > i.limit {
		return 0, storage.ErrTooLarge
	}
	if n > 0 {
		if err := i.Reserve(storage.Usage{Bytes: int64(n)}); err != nil {
			return 0, err
		}
	}
	return n, err
}

// Account returns the tenant's account.
func (i *Intake) Account() *Account { return i.account }

// Reserve reserves more for this file.
func (i *Intake) Reserve(more storage.Usage) error {
	if err := i.account.Reserve(i.ctx, more); err != nil {
		return err
	}
	add(&i.reserved, more)
	return nil
}

// SettlePart settles a part of the reservation.
func (i *Intake) SettlePart(part storage.Usage, kept bool) {
	i.account.Settle(part, kept)
	add(&i.reserved, storage.Usage{Bytes: -part.Bytes, Files: -part.Files})
}

// Settle ends the intake. If kept is true, what was reserved is kept now.
func (i *Intake) Settle(kept bool) {
	if !i.settled {
		i.account.Settle(i.reserved, kept)
	}
	i.settled = true
}
