package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/tenantdb/file"
)

const (
	// settleConfig is how long the configuration file must be unchanged before it is read.
	settleConfig = 200 * time.Millisecond
	// maxConfigBytes is the largest configuration file that is reloaded.
	maxConfigBytes = 64 << 20
)

// Follow reloads the configuration file at path when the file changes, when a
// certificate or a secret that it refers to does, and when again receives a value, until
// ctx ends. A value of again also reads the guest's file, as ReloadGuest does. Errors are
// logged and reported as those of Reload. again may be nil.
func (s *Server) Follow(ctx context.Context, path string, again <-chan struct{}) {
	f := &followed{server: s, path: path}
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() {
		o := file.Options{Path: path, Settle: settleConfig, Logger: s.log}
		_ = file.Watch(ctx, o, func() { f.check(ctx) }) // the error is ctx's
	})
	for {
		select {
		case <-again:
			f.asked(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// followed is a configuration file that is followed.
type followed struct {
	server *Server
	path   string

	mu   sync.Mutex
	read bool                   // the file was read
	last *config.File           // the last valid content, even if it was refused; nil: none was read
	seen map[string]fs.FileInfo // of the file, and of those it refers to, when it was last read
}

// asked reloads the file and the guest's file.
func (f *followed) asked(ctx context.Context) {
	s := f.server
	if s.with.Reloading != nil {
		defer s.with.Reloading(s)()
	}
	f.reload(ctx, "signal")
	if s.now().guestFile != nil && ctx.Err() == nil {
		s.ReloadGuest(ctx)
	}
}

// check reloads the file if it, or one that it refers to, has changed.
func (f *followed) check(ctx context.Context) {
	f.mu.Lock()
	stale := !f.read
	for _, path := range f.paths() {
		stale = stale || changed(path, f.seen[path])
	}
	f.mu.Unlock()
	if stale {
		f.reload(ctx, "file")
	}
}

// paths returns the file and those that it refers to.
func (f *followed) paths() []string {
	paths := append([]string{f.path}, f.server.now().parts.file.References()...)
	if f.last != nil {
		paths = append(paths, f.last.References()...)
	}
	return paths
}

func (f *followed) reload(ctx context.Context, who string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read, f.seen = true, map[string]fs.FileInfo{}
	f.look()
	err := f.server.reload(ctx, who, f.load)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrNotServing) {
		f.read = false // another attempt follows
	}
}

// look notes the state of the files that were not looked at. It is called before they
// are read, so that a change meanwhile is noticed.
func (f *followed) look() {
	for _, path := range f.paths() {
		if _, looked := f.seen[path]; looked {
			continue
		}
		f.seen[path] = nil
		if info, err := os.Stat(path); err == nil {
			f.seen[path] = info
		}
	}
}

// load reads the file. It may be any kind of file by now, of any size.
func (f *followed) load() (*config.File, error) {
	data, _, err := file.ReadRegular(f.path, maxConfigBytes+1)
	if err != nil {
		return nil, fmt.Errorf("config: expected a file, YAML or JSON: %w", err)
	}
	if len(data) > maxConfigBytes {
		return nil, fmt.Errorf("config: expected at most %d bytes, found more in %s; move the tenants to a database or a file of their own", maxConfigBytes, f.path)
	}
	if len(bytes.TrimSpace(data)) == 0 { // valid, but it would close all listeners
		return nil, fmt.Errorf("config: expected a configuration, found %s empty; it is being written, or was lost", f.path)
	}
	parsed, err := config.Parse(f.path, data)
	if err == nil {
		f.last = parsed
		f.look()
	}
	return parsed, err
}
