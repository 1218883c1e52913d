package redis

import (
	"log/slog"
	"sync"
)

// outage is of how many tenants the connection to a host does not work. The log
// hears of the first and of the last: a host that fails does so for all.
type outage struct {
	logger *slog.Logger // nil: there is none

	mu      sync.Mutex
	tenants int
}

// begins says that a tenant's connection failed, which had worked.
func (o *outage) begins(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tenants++; o.tenants == 1 && o.logger != nil {
		o.logger.Warn("the channel layer broke: messages may be lost until it works again", "error", err)
	}
}

// ends says that a tenant's connection works again.
func (o *outage) ends(host int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tenants--; o.tenants == 0 && o.logger != nil {
		o.logger.Info("the channel layer works again", "host", host+1)
	}
}
