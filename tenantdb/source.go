package tenantdb

import "context"

// Source fills a directory and keeps it up to date.
type Source interface {
	// Load fills the directory. If it fails, the directory stays as it was. Load
	// may be called again.
	Load(ctx context.Context, dir *Directory) error
	// Follow keeps the directory up to date until the context ends, and returns
	// the context's error. Other errors are logged and reported by
	// [Directory.Stats]; the last good state stays.
	Follow(ctx context.Context, dir *Directory) error
}
