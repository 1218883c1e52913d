package redis

import (
	"log/slog"
	"sync"
)

// outage counts the links to a host that have failed. It logs when the first
// link fails and when the last one recovers, since a host that fails breaks all
// of them.
type outage struct {
	logger *slog.Logger // nil: no log

	mu    sync.Mutex
	links int
}

// begin counts a link that failed.
func (o *outage) begin(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.links++; o.links == 1 && o.logger != nil {
		o.logger.Warn("the channel layer broke: messages may be lost until it works again", "error", err)
	}
}

// end counts a link that recovered.
func (o *outage) end(host int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.links--; o.links == 0 && o.logger != nil {
		o.logger.Info("the channel layer works again", "host", host+1)
	}
}
