package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/signature"
)

// Guest describes a guest in the table.
type Guest struct {
	Digest   string    `json:"digest"`
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	Size     int64     `json:"size"`
	Signed   bool      `json:"signed"` // it has a signature, which is not verified here
	PushedBy string    `json:"pushed_by"`
	PushedAt time.Time `json:"pushed_at"`
}

// ErrUnknownGuest is the error for a guest that is not in the table.
var ErrUnknownGuest = errors.New("expected a guest that was pushed")

// Push adds a guest. g has its name, its version and who pushes it. A guest that is
// there already stays, and gets the signature, if there is one.
func (s *Store) Push(ctx context.Context, wasm, signed []byte, g Guest) (added bool, err error) {
	if err := instance.CheckSize(wasm); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, guestTimeout)
	defer cancel()
	digest := instance.Digest(wasm)
	if signed == nil {
		signed = []byte{}
	}
	var known bool
	if err := s.pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM public.tenantedge_guest WHERE digest = $1)", digest).Scan(&known); err != nil {
		return false, s.redact(err)
	}
	if !known {
		tag, err := s.pool.Exec(ctx, `
			INSERT INTO public.tenantedge_guest (digest, wasm, signature, name, version, pushed_by) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT DO NOTHING`, digest, wasm, signed, clean(g.Name, 80), clean(g.Version, 80), clean(g.PushedBy, 200))
		if err != nil || tag.RowsAffected() > 0 {
			return err == nil, s.redact(err)
		}
	}
	if len(signed) > 0 {
		_, err = s.pool.Exec(ctx, "UPDATE public.tenantedge_guest SET signature = $2 WHERE digest = $1 AND signature <> $2", digest, signed)
	}
	return false, s.redact(err)
}

// Guests returns the guests that were pushed last, up to limit.
func (s *Store) Guests(ctx context.Context, limit int) ([]Guest, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	rows, err := s.pool.Query(ctx, guestColumns+" ORDER BY pushed_at DESC, digest LIMIT $1", limit)
	if err != nil {
		return nil, s.redact(err)
	}
	guests, err := pgx.CollectRows(rows, toGuest)
	return guests, s.redact(err)
}

func toGuest(row pgx.CollectableRow) (Guest, error) {
	g, err := pgx.RowToStructByPos[Guest](row)
	g.Name, g.Version, g.PushedBy = clean(g.Name, 200), clean(g.Version, 200), clean(g.PushedBy, 200)
	return g, err
}

const guestColumns = "SELECT digest, name, version, coalesce(size, 0)::bigint, signature <> '', pushed_by, pushed_at FROM public.tenantedge_guest"

// minPrefix is the number of digits of a digest that is at least needed to name it.
const minPrefix = 8

// IsDigest reports whether text may be the beginning of a digest.
func IsDigest(text string) bool {
	return len(text) >= minPrefix && len(text) <= 2*sha256.Size && strings.Trim(text, "0123456789abcdef") == ""
}

// Find returns the guest whose digest begins with prefix.
func (s *Store) Find(ctx context.Context, prefix string) (Guest, error) {
	if !IsDigest(prefix) {
		return Guest{}, fmt.Errorf("expected at least %d of the hexadecimal digits of a digest, found %.80q", minPrefix, prefix)
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	rows, err := s.pool.Query(ctx, guestColumns+" WHERE starts_with(digest, $1) ORDER BY digest LIMIT 2", prefix)
	if err != nil {
		return Guest{}, s.redact(err)
	}
	found, err := pgx.CollectRows(rows, toGuest)
	switch {
	case err != nil:
		return Guest{}, s.redact(err)
	case len(found) == 0:
		return Guest{}, fmt.Errorf("%w, found none with the digest %s; `tenantedge guest list` shows them", ErrUnknownGuest, prefix)
	case len(found) > 1:
		return Guest{}, fmt.Errorf("expected a digest of one guest, found %s for several; add digits", prefix)
	}
	return found[0], nil
}

// Fetch returns a guest and its signature, which the caller verifies. It fails for a
// guest that is larger than guests may be, and for bytes with another digest.
func (s *Store) Fetch(ctx context.Context, digest string) (wasm, signed []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, guestTimeout)
	defer cancel()
	var size, signatureSize int64
	// Whoever may write to the table could have removed its constraints. The size of a
	// large value is known without reading it.
	err = s.pool.QueryRow(ctx, "SELECT octet_length(wasm), octet_length(signature) FROM public.tenantedge_guest WHERE digest = $1", digest).Scan(&size, &signatureSize)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil, fmt.Errorf("%w, found none with the digest %.64s; push it", ErrUnknownGuest, digest)
	case err != nil:
		return nil, nil, s.redact(err)
	case size > instance.MaxModule:
		return nil, nil, instance.ErrModuleSize
	case signatureSize > signature.MaxSize:
		return nil, nil, fmt.Errorf("expected a signature of at most %d bytes, found %d; push the guest with its signature", signature.MaxSize, signatureSize)
	}
	err = s.pool.QueryRow(ctx, "SELECT wasm, signature FROM public.tenantedge_guest WHERE digest = $1", digest).Scan(&wasm, &signed)
	if err != nil {
		return nil, nil, s.redact(err)
	}
	return wasm, signed, CheckDigest(wasm, digest)
}

// CheckDigest returns an error if wasm has another digest.
func CheckDigest(wasm []byte, digest string) error {
	if sum := sha256.Sum256(wasm); hex.EncodeToString(sum[:]) != digest {
		return fmt.Errorf("expected a guest with the digest %.64s, found one with %x: it was changed; push it again", digest, sum)
	}
	return nil
}
