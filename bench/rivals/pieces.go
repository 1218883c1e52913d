package rivals

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/bench/table"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// Pieces runs the parts of a routed request separately, in plain wazero.
// It is not safe for concurrent use.
type Pieces struct {
	plain  *plain
	router *instance
	buffer []byte
	reply  []byte

	runtime       wazero.Runtime
	probe         instance
	nothing, find api.Function
}

// StartPieces starts the default guest and the probe, a guest with two exports
// that take the length of a domain: nothing returns at once, find looks up the
// domain at address 0.
func StartPieces(ctx context.Context, t *table.Table, probe []byte, nothing, find string) (*Pieces, error) {
	p, err := startPlain(ctx, t, wazero.NewRuntimeConfig(), false)
	if err != nil {
		return nil, err
	}
	s := &Pieces{plain: p, buffer: make([]byte, abi.BufferSize), runtime: wazero.NewRuntime(ctx)}
	if err := s.start(ctx, t, probe, nothing, find); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Pieces) start(ctx context.Context, t *table.Table, probe []byte, nothing, find string) (err error) {
	if s.router, err = s.plain.newInstance(ctx); err != nil {
		return err
	}
	compiled, err := s.runtime.CompileModule(ctx, probe)
	if err != nil {
		return err
	}
	if err := hostfuncs.Instantiate(ctx, s.runtime, compiled); err != nil {
		return err
	}
	i := &s.probe
	i.services = services{directory: t.Directory}
	i.call.Services = &i.services
	if i.module, err = s.runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig()); err != nil {
		return err
	}
	s.nothing, s.find = i.module.ExportedFunction(nothing), i.module.ExportedFunction(find)
	q := table.Request(t.Hosts[0])
	if _, err := s.router.route(ctx, &q); err != nil {
		return err
	}
	reply, _ := s.router.module.Memory().Read(abi.UnpackReply(s.router.stack[0]))
	s.reply = bytes.Clone(reply)
	return nil
}

// Close closes both guests.
func (s *Pieces) Close() error {
	return errors.Join(s.plain.Close(), s.runtime.Close(context.Background()))
}

// Write encodes a request.
func (s *Pieces) Write(q *edge.Request) { encode(s.buffer, q) }

// Read decodes the decision about the table's first host.
func (s *Pieces) Read(q *edge.Request) error {
	_, err := decode(s.reply, q, &s.router.services)
	return err
}

// Enter calls a guest that returns at once.
func (s *Pieces) Enter(ctx context.Context) error { return s.callProbe(ctx, s.nothing, "") }

// Lookup calls a guest that makes one host call, which looks up a domain.
func (s *Pieces) Lookup(ctx context.Context, domain string) error {
	return s.callProbe(ctx, s.find, domain)
}

func (s *Pieces) callProbe(ctx context.Context, f api.Function, domain string) error {
	i := &s.probe
	i.call.Begin(ctx)
	defer i.call.End()
	if domain != "" && !i.module.Memory().WriteString(0, domain) {
		return fmt.Errorf("rivals: expected the probe's memory to hold a domain of %d bytes", len(domain))
	}
	i.stack[0] = uint64(len(domain))
	if err := f.CallWithStack(&i.call, i.stack[:]); err != nil {
		return err
	}
	if int64(i.stack[0]) < 0 {
		return abi.Errno(-int64(i.stack[0]))
	}
	return nil
}

// Route routes a request in a single instance, without a pool.
func (s *Pieces) Route(ctx context.Context, q *edge.Request) (Answer, error) {
	return s.router.route(ctx, q)
}

const page = 4096 // bytes in a page of the operating system

// ChangedPages counts the pages of guest memory that one request changes.
func (s *Pieces) ChangedPages(ctx context.Context, q *edge.Request) (int, error) {
	memory := s.router.module.Memory()
	view, _ := memory.Read(0, memory.Size())
	before := bytes.Clone(view)
	if _, err := s.router.route(ctx, q); err != nil {
		return 0, err
	}
	after, _ := memory.Read(0, uint32(len(before)))
	n := 0
	for at := 0; at < len(before); at += page {
		if !bytes.Equal(before[at:at+page], after[at:at+page]) {
			n++
		}
	}
	return n, nil
}
