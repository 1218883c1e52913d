package serve

import (
	"context"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// inline is the source for rows in the configuration file, which never change.
type inline struct{ state tenantdb.State }

// Load implements tenantdb.Source.
func (s *inline) Load(_ context.Context, dir *tenantdb.Directory) error {
	if report := dir.Replace(s.state); report.LeftOut > 0 {
		dir.Logger().Warn("rows of the configuration were left out", "report", report.String())
	}
	return nil
}

// Follow implements tenantdb.Source. It blocks until ctx ends.
func (s *inline) Follow(ctx context.Context, _ *tenantdb.Directory) error {
	<-ctx.Done()
	return ctx.Err()
}

var _ tenantdb.Source = (*inline)(nil)
