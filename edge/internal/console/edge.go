package console

import (
	"context"
	"crypto/sha256"
	"net/http"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/accounting"
	"github.com/tenantedge/tenantedge/edge/internal/explain"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Edge is what the console shows and changes.
type Edge interface {
	// State returns the figures of this moment. It is called every two seconds.
	State() State
	// Directory returns the rows of tenants; nil: there are only static ones.
	Directory() *tenantdb.Directory
	// Static returns the entries of the TENANTS table.
	Static() []abi.StaticTenant
	// Tenant describes the tenant of a schema.
	Tenant(schema string) (Tenant, bool)
	// Usage counts the files of a tenant, until ctx ends.
	Usage(ctx context.Context, schema string) (Usage, error)
	// Warnings returns those of `tenantedge check`, as they were found last.
	Warnings() config.Warnings
	// Fleet returns the fleet that the edge belongs to; nil: it is alone. With an error, the
	// fields that need the database are empty.
	Fleet(ctx context.Context) (*Fleet, error)
	// Explain returns what would become of a request, and why. It changes nothing.
	Explain(ctx context.Context, r *explain.Request) ([]explain.Line, error)
	Guests
}

// Guests are the actions that change what runs. Each records who asked for it.
type Guests interface {
	Swap(ctx context.Context, by By, m Module) (edge.Report, error)
	Rollback(ctx context.Context, by By) (edge.Report, error)
	StartCandidate(ctx context.Context, by By, m Module, c edge.Candidate) error
	Promote(ctx context.Context, by By) (edge.Report, error)
	Abort(by By) error
}

// By says who asks for an action, for the audit log.
type By struct {
	Action string            // the pattern of the route
	Who    string            // the name of the token
	Token  [sha256.Size]byte // its digest
	Peer   string            // address of the client
	Reason string            // which the client gave
}

// Module is a guest that was uploaded.
type Module struct {
	Wasm      []byte
	Signature []byte // content of the signature's file; empty: there is none
}

// State is what an edge does at a moment.
type State struct {
	Ready      bool
	InFleet    bool   // a fleet decides which guest runs
	Reason     string // why it is not ready
	Listeners  []string
	Requests   int64 // in progress
	Host       stats.Host
	Websockets Websockets
	Directory  *tenantdb.Stats // nil: there are only static tenants
	// GuestDegraded and MediaDegraded are why the guest's file or the bucket cannot be
	// used.
	GuestDegraded, MediaDegraded string
	// Busiest are the tenants with the most open websockets.
	Busiest []websocket.Busy
}

// Websockets are the figures of all websockets.
type Websockets struct {
	websocket.Stats
	Open int // of clients
}

// Fleet is a fleet of edges, as one of its nodes sees it.
type Fleet struct {
	Name    string
	Node    string // the edge itself
	Rollout int64  // the newest one that it has carried out
	Problem string // why it cannot carry out another
	Lost    string // why it does not see rollouts
	Nodes   []fleet.Node
	History []fleet.Rollout // the newest first
}

// Tenant is what an edge does for a tenant.
type Tenant struct {
	Schema     string
	ID         string // of its row; empty: a static tenant
	Status     string
	URLConf    string
	Attributes []string // names; values may be secrets
	InProgress int
	Waiting    int
	Websockets int
	Relayed    int
	Channels   int64
	Groups     int64 // memberships of channels in groups
	Largest    []channel.GroupSize
	HasFiles   bool
	// Used is what it used in the last two windows; nil: that is not counted.
	Used *accounting.Report
}

// Usage is what a tenant keeps, and may keep; zero: no limit.
type Usage struct {
	Kept  storage.Usage
	Quota storage.Quota
}

// Gate decides who may use the console.
type Gate interface {
	// Required reports whether a token is needed. If not, all who reach the console may
	// read, and no one can operate.
	Required() bool
	// SignIn returns the token with a secret. The error is the text for the client, with
	// the status of the answer.
	SignIn(r *http.Request, secret string) (Token, int, error)
	// Token returns the token with a digest as it is now; false: there is none any more.
	Token(digest [sha256.Size]byte) (Token, bool)
	// Forbidden records a request for which the role of a token is too small.
	Forbidden(r *http.Request, t Token)
}

// Token is a token of the admin listener.
type Token struct {
	Name   string
	Role   string // config.RoleRead or config.RoleOperate
	Digest [sha256.Size]byte
}

// countTime bounds counting a tenant's files.
const countTime = 5 * time.Second
