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

// swapped is our server with a way to have its guest replaced from outside.
const swapped = "edge-swapped"

// The host and the targets by which a swapped server is steered.
const (
	controlHost   = "control.invalid"
	targetSwap    = "/swap"
	targetBack    = "/rollback"
	targetCollect = "/collect"
)

// Swapped is a server whose guest can be replaced while it is under load.
func Swapped() Entry { return Entry{Name: swapped, command: itself(swapped)} }

// Swap replaces the guest of a swapped server by one that it has never seen,
// which routes alike: the bytes of a custom section differ.
func (s *Server) Swap(ctx context.Context) error { return s.control(ctx, targetSwap) }

// Rollback has the guest before take over again.
func (s *Server) Rollback(ctx context.Context) error { return s.control(ctx, targetBack) }

func (s *Server) control(ctx context.Context, target string) error {
	status, body, err := Ask(ctx, s.Address, controlHost, target)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("web: %s: %d %s", target, status, body)
	}
	return err
}

// Collect has a swapped server collect its garbage and give memory back.
func (s *Server) Collect(ctx context.Context) error { return s.control(ctx, targetCollect) }

func swappedHandler(ctx context.Context, t *table.Table) (http.Handler, func() error, error) {
	cache, err := os.MkdirTemp("", "bench-swapped-")
	if err != nil {
		return nil, nil, err
	}
	// As serve does: a guest is compiled in the process of its smoke run.
	host, err := startEdge(ctx, t, func(c *edge.Config) { c.SmokeRun, c.CompileCache = smoke.Run, cache })
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(cache))
	}
	app := behindEdge(host)
	var guests atomic.Uint32
	steer := func(r *http.Request) (err error) {
		switch r.URL.Path {
		case targetSwap:
			_, err = host.Swap(r.Context(), variant(guests.Add(1)))
		case targetBack:
			_, err = host.Rollback(r.Context())
		case targetCollect:
			debug.FreeOSMemory()
		default:
			err = fmt.Errorf("web: expected %s, %s or %s, found %s", targetSwap, targetBack, targetCollect, r.URL.Path)
		}
		return err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != controlHost {
			app.ServeHTTP(w, r)
			return
		}
		if err := steer(r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}), func() error { return errors.Join(host.Close(), os.RemoveAll(cache)) }, nil
}

// variant is the default guest with a custom section of its own.
func variant(n uint32) []byte {
	const name = "variant"
	section := binary.LittleEndian.AppendUint32(append([]byte{byte(len(name))}, name...), n)
	return append(append(assets.Router[:len(assets.Router):len(assets.Router)], 0, byte(len(section))), section...)
}
