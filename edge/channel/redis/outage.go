package redis

import (
	"log/slog"
	"sync"
)

// outage counts the links to a host that do not work. It logs when the first one
// fails and when the last one works again: a host that fails does so for all.
type outage struct {
	logger *slog.Logger // nil: there is none

	mu    sync.Mutex
	links int
}

// begins counts a link that failed and had worked.
func (o *outage) begins(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.links++; o.links == 1 && o.logger != nil {
		o.logger.Warn("the channel layer broke: messages may be lost until it works again", "error", err)
	}
}

// ends counts a link that works again.
func (o *outage) ends(host int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.links--; o.links == 0 && o.logger != nil {
		o.logger.Info("the channel layer works again", "host", host+1)
	}
}
