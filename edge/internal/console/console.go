// Package console is the page of an edge for its operators, on the admin listener: live
// figures, programs, tenants, decisions explained, and the log. It is rendered on the
// server from the templates of assets/console; a small script only keeps it up to date.
//
//	ring := console.NewRing()
//	logger = ring.Logger(logger) // of the edge
//	c, err := console.New(console.Options{Edge: edge, Gate: gate, Log: ring})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	mux.Handle("/console/", c)
//	mux.Handle("GET /{$}", c)
package console

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
)

// Options configure a Console. All fields are required.
type Options struct {
	// Edge returns the edge that serves at this moment. It is asked for each page, since
	// a new configuration makes a new edge.
	Edge func() Edge
	Gate Gate
	Log  *Ring
}

// Console serves the pages. Its state, such as who has signed in, does not depend on
// the edge's configuration. It is safe for concurrent use.
type Console struct {
	options  Options
	pages    *pages
	sessions *sessions
	history  *history
	streams  chan struct{} // holds a value for each open stream
	working  chan struct{} // holds a value for each search or count in progress
	upload   sync.Mutex    // held while a guest is uploaded, which is kept in memory
	mux      *http.ServeMux

	context context.Context
	cancel  context.CancelFunc
	work    sync.WaitGroup
}

// Bounds of what clients of the console can make the edge do at once.
const (
	maxStreams = 64 // open event streams
	maxWorking = 2  // searches of the directory, and counts of files
)

// New returns a Console, which samples the edge's figures until Close.
func New(o Options) (*Console, error) {
	p, err := newPages()
	if err != nil {
		return nil, err
	}
	c := &Console{
		options: o, pages: p, sessions: newSessions(time.Now), history: &history{},
		streams: make(chan struct{}, maxStreams), working: make(chan struct{}, maxWorking), mux: http.NewServeMux(),
	}
	c.context, c.cancel = context.WithCancel(context.Background())
	c.routes()
	c.history.changed = make(chan struct{})
	c.history.add(o.Edge().State(), time.Now())
	c.work.Go(c.sample)
	return c, nil
}

// Close ends the streams and the sampling, and waits for both.
func (c *Console) Close() {
	c.cancel()
	c.work.Wait()
}

func (c *Console) routes() {
	read := func(pattern string, h handler) { c.mux.Handle(pattern, c.visited(access{role: config.RoleRead}, h)) }
	operate := func(pattern string, h handler) { c.mux.Handle(pattern, c.visited(access{role: config.RoleOperate}, h)) }
	upload := func(pattern string, h handler) {
		c.mux.Handle(pattern, c.visited(access{role: config.RoleOperate, file: true}, h))
	}
	read("GET /{$}", c.overview)
	read("GET /console/programs", c.programs)
	upload("POST /console/programs/swap", c.swap)
	operate("POST /console/programs/rollback", c.rollback)
	upload("POST /console/programs/candidate", c.startCandidate)
	operate("POST /console/programs/promote", c.promote)
	operate("POST /console/programs/abort", c.abort)
	read("GET /console/tenants", c.tenants)
	read("GET /console/tenants/{schema}", c.tenant)
	read("GET /console/try", c.tryForm)
	read("POST /console/try", c.try)
	read("GET /console/fleet", c.fleet)
	read("GET /console/log", c.logPage)
	read("GET /console/events/{view}", c.events)
	c.mux.HandleFunc("GET /console/signin", c.signInForm)
	c.mux.HandleFunc("POST /console/signin", c.signIn)
	read("POST /console/signout", c.signOut)
	c.mux.HandleFunc("GET /console/static/{name}", c.pages.serveStatic)
}

// ServeHTTP serves / and the paths below /console/.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	c.mux.ServeHTTP(w, r)
}

// begin reserves a place among the maxWorking, and reports false if ctx
// ends first. The caller calls end.
func (c *Console) begin(ctx context.Context) bool {
	select {
	case c.working <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *Console) end() { <-c.working }
