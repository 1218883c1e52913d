package web

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/smoke"
)

// swapped is our server with control requests that swap its guest.
const swapped = "edge-swapped"

// Host and targets of control requests.
const (
	controlHost    = "control.invalid"
	targetSwap     = "/swap"
	targetRollback = "/rollback"
	targetCollect  = "/collect"
)

// Swapped returns a server whose guest can be swapped under load.
func Swapped() Entry { return Entry{Name: swapped, command: itself(swapped)} }

// Swap replaces the guest of a swapped server with a new one that routes alike:
// only a custom section differs.
func (s *Server) Swap(ctx context.Context) error { return s.control(ctx, targetSwap) }

// Rollback restores the previous guest.
func (s *Server) Rollback(ctx context.Context) error { return s.control(ctx, targetRollback) }

func (s *Server) control(ctx context.Context, target string) error {
	status, body, err := Get(ctx, s.Address, controlHost, target)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("web: %s: expected 200, found %d: %s", target, status, body)
	}
	return err
}

// Collect makes a swapped server collect garbage and return memory to the system.
func (s *Server) Collect(ctx context.Context) error { return s.control(ctx, targetCollect) }

func swappedHandler(ctx context.Context, t *table.Table) (http.Handler, func() error, error) {
	cache, err := os.MkdirTemp("", "bench-swapped-")
	if err != nil {
		return nil, nil, err
	}
	// As in tenantedge serve, the process of the smoke run compiles the guest.
	host, err := startEdge(ctx, t, func(c *edge.Config) { c.SmokeRun, c.CompileCache = smoke.Run, cache })
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(cache))
	}
	app := withApplication(host)
	var guests atomic.Uint32
	control := func(r *http.Request) (err error) {
		switch r.URL.Path {
		case targetSwap:
			_, err = host.Swap(r.Context(), variant(guests.Add(1)))
		case targetRollback:
			_, err = host.Rollback(r.Context())
		case targetCollect:
			debug.FreeOSMemory()
		default:
			err = fmt.Errorf("web: expected %s, %s or %s, found %s", targetSwap, targetRollback, targetCollect, r.URL.Path)
		}
		return err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != controlHost {
			app.ServeHTTP(w, r)
			return
		}
		if err := control(r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}), func() error { return errors.Join(host.Close(), os.RemoveAll(cache)) }, nil
}

// variant returns the default guest with a custom section that contains n.
func variant(n uint32) []byte {
	const name = "variant"
	section := binary.LittleEndian.AppendUint32(append([]byte{byte(len(name))}, name...), n)
	return append(append(assets.Router[:len(assets.Router):len(assets.Router)], 0, byte(len(section))), section...)
}
