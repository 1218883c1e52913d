package tenantdb

import "context"

// Source is where a directory's rows come from.
type Source interface {
	// Load brings the first good state into the directory, or returns an
	// error that says why there is none. It may be called again.
	Load(ctx context.Context, dir *Directory) error
	// Follow keeps the directory up to date until the context ends, and
	// returns its error then. What fails meanwhile is logged and told by
	// [Directory.Stats]; the last good state stays.
	Follow(ctx context.Context, dir *Directory) error
}
