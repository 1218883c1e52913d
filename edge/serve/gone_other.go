//go:build !linux

package serve

import "context"

// watchClient returns ctx: that the client of a request with an unread body has
// disconnected is noticed when the body is read.
func watchClient(ctx context.Context) (watched context.Context, stop func()) { return ctx, func() {} }
