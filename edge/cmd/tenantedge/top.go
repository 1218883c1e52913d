package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tenantedge/tenantedge/edge/internal/accounting"
	"github.com/tenantedge/tenantedge/edge/serve"
)

// topOptions are the flags of top.
type topOptions struct {
	admin    adminClient
	interval time.Duration
	sortBy   string
	limit    int
	once     bool
	json     bool
}

func newTop() *cobra.Command {
	o := topOptions{}
	c := &cobra.Command{
		Use:   "top",
		Short: "Show what a running edge does",
		Long: text(`
			top shows what a running edge does: requests, websockets, programs with the fuel and
			the time of their calls, the trial of a candidate, and the tenants that use most.

			Websockets are handled by the edge, relayed to an application by ws_urlconfs, or
			pass through with the requests of a urlconf. Percentiles (p50, p90, p99) are those
			of the time of a call of the guest.

			The figures of tenants are those of the open window of usage.window and the one
			before. Traps are those since the start, and so are percentiles as long as no call
			is made; all other figures are those since the frame before.

			Keys: r, f, t, o, u and w sort the tenants by requests, fuel, time of the guest,
			bytes out, time of upstreams and time of websockets; space refreshes, q quits.

			Without a terminal, or on one that has no control sequences (TERM=dumb), frames follow
			each other. --once prints one, after --interval.
		`),
		Example: text(`
			  tenantedge top
			  tenantedge top --admin http://127.0.0.1:9081 --sort fuel --limit 50
			  tenantedge top --once --json --interval 10s
		`),
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.run(c.Context(), c.InOrStdin(), c.OutOrStdout()); err != nil {
				return fmt.Errorf("top: %w", err)
			}
			return nil
		},
	}
	o.admin.add(c)
	o.admin.tokenOptional, o.admin.lacks = true, "of this version"
	f := c.Flags()
	f.DurationVar(&o.interval, "interval", 2*time.Second, "`TIME` between frames")
	f.StringVar(&o.sortBy, "sort", "requests", "`COLUMN` of usage --csv by which tenants are sorted, or requests")
	f.IntVar(&o.limit, "limit", 20, "`NUMBER` of tenants")
	f.BoolVar(&o.once, "once", false, "print one frame")
	f.BoolVar(&o.json, "json", false, "print JSON, one line for each frame")
	return c
}

func (o *topOptions) run(ctx context.Context, in io.Reader, out io.Writer) error {
	if err := (&accounting.Query{Sort: o.sortBy, Limit: o.limit}).Check(); err != nil || o.limit == 0 {
		return usagef("%v; --limit is a number from 1", err)
	}
	if o.interval <= 0 {
		return usagef("--interval: expected a time longer than 0, found %v", o.interval)
	}
	// Signals end the loop, so that the terminal is restored.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	before, err := o.poll(ctx)
	if err != nil {
		return err
	}
	s, err := newScreen(in, out, o.once || o.json)
	if err != nil {
		return err
	}
	defer s.restore()
	return o.loop(ctx, s, out, before)
}

// loop shows frames until ctx ends or a key ends it.
func (o *topOptions) loop(ctx context.Context, s *screen, out io.Writer, before *polled) error {
	tick := time.NewTicker(o.interval)
	defer tick.Stop()
	var shown *frame
	for {
		again := false // with what is known
		select {
		case <-ctx.Done():
			return nil
		case key := <-s.keys:
			column, known := sortKeys[key]
			switch {
			case key == 'q' || key == 3 || key == 4: // control-C and control-D, of a raw terminal
				return nil
			case known:
				o.sortBy = column
			case key != ' ':
				continue
			}
			again = true
		case <-tick.C:
		}
		now, err := o.poll(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (o.once || shown == nil):
			return err
		case err != nil:
			shown.Error = err.Error()
		default:
			shown = o.frameOf(before, now)
			if !again {
				before = now
			}
		}
		if err := o.show(s, out, shown); err != nil || o.once {
			return err
		}
	}
}

var sortKeys = map[byte]string{
	'r': "requests", 'f': "fuel", 't': "guest_ns", 'o': "bytes_out", 'u': "upstream_ns", 'w': "websocket_ns",
}

// polled is what the edge answers.
type polled struct {
	status serve.Status
	usage  *accounting.Report // nil: it does not count the use of tenants
}

func (o *topOptions) poll(ctx context.Context) (*polled, error) {
	p := &polled{usage: new(accounting.Report)}
	if err := o.admin.send(ctx, http.MethodGet, "/status", nil, nil, &p.status); err != nil {
		return nil, err
	}
	query := url.Values{"window": {accounting.Recent}, "sort": {o.sortBy}, "limit": {strconv.Itoa(o.limit)}}
	err := o.admin.send(ctx, http.MethodGet, "/usage?"+query.Encode(), nil, nil, p.usage)
	if errors.Is(err, errNotFound) {
		p.usage, err = nil, nil
	}
	return p, err
}

func (o *topOptions) show(s *screen, out io.Writer, f *frame) error {
	if o.json {
		return newEncoder(out).Encode(f)
	}
	return s.draw(f.text())
}

// screen shows frames, on a terminal in place of each other.
type screen struct {
	out     io.Writer
	file    *os.File    // nil: not a terminal
	state   *term.State // of the terminal before; nil: it is unchanged
	input   *os.File
	keys    chan byte // nil: there are none
	written bool
}

// newScreen takes over the terminal, if there is one. plain leaves it alone.
func newScreen(in io.Reader, out io.Writer, plain bool) (*screen, error) {
	s := &screen{out: out}
	file, ok := out.(*os.File)
	if plain || !ok || !term.IsTerminal(int(file.Fd())) || os.Getenv("TERM") == "dumb" || os.Getenv("TERM") == "" {
		return s, nil
	}
	s.file = file
	if input, ok := in.(*os.File); ok && term.IsTerminal(int(input.Fd())) {
		state, err := term.MakeRaw(int(input.Fd()))
		if err != nil {
			return nil, fmt.Errorf("the terminal: %w", err)
		}
		s.state, s.input, s.keys = state, input, make(chan byte)
		go s.read()
	}
	// The alternate screen, without the cursor.
	if _, err := io.WriteString(out, "\x1b[?1049h\x1b[?25l"); err != nil {
		s.restore()
		return nil, err
	}
	return s, nil
}

// read passes on keys until the input ends.
func (s *screen) read() {
	var key [1]byte
	for {
		if n, err := s.input.Read(key[:]); err != nil || n == 0 {
			return
		}
		s.keys <- key[0]
	}
}

// draw shows a frame.
func (s *screen) draw(lines []string) error {
	var text []byte
	if s.file == nil {
		if s.written {
			text = append(text, '\n')
		}
		for _, line := range lines {
			text = append(append(text, forTerminal(line)...), '\n')
		}
		s.written = true
		_, err := s.out.Write(text)
		return err
	}
	width, height, err := term.GetSize(int(s.file.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	text = append(text, "\x1b[H"...)
	for n, line := range lines[:min(len(lines), height)] {
		if n > 0 {
			text = append(text, "\r\n"...)
		}
		text = append(append(text, cut(inLine(line), width)...), "\x1b[K"...)
	}
	_, err = s.out.Write(append(text, "\x1b[J"...))
	return err
}

// restore gives the terminal back.
func (s *screen) restore() {
	if s.file != nil {
		_, _ = io.WriteString(s.out, "\x1b[?25h\x1b[?1049l") // an error means that the terminal is gone
	}
	if s.state != nil {
		_ = term.Restore(int(s.input.Fd()), s.state)
	}
}

// cut returns at most the first n characters of a line.
func cut(line string, n int) string {
	for i := range line {
		if n == 0 {
			return line[:i]
		}
		n--
	}
	return line
}
