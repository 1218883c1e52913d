package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Options configure a Log.
type Options struct {
	Folder   string  // of the files; created if it does not exist
	Rate     float64 // share of the requests that are recorded: 0 to 1
	MaxBytes int64   // size of one file, about
	MaxFiles int     // the oldest are deleted
	// Headers and Parameters are redacted in addition to DefaultHeaders and
	// DefaultParameters.
	Headers, Parameters []string
	// NoSettings leaves out the guest's settings, which may hold secrets.
	NoSettings bool

	Config abi.Config // of the guests
	Limits Limits
	Rules  Rules
	Logger *slog.Logger
}

// Stats are the figures of a Log since its start.
type Stats struct {
	Written uint64 // requests
	Dropped uint64 // requests that were lost: the queue was full, one was too large, or writing failed
	Bytes   uint64 // written to files
	Errors  uint64 // failures to write
}

const (
	// maxQueued bounds the memory of requests that wait to be written, in bytes.
	maxQueued = 16 << 20
	// sectionBytes is the size of a section, in bytes before compression.
	sectionBytes = 4 << 20
	// flushEvery is how much of the log a crash can lose.
	flushEvery = time.Second
	// collect is how long entries are collected before they are written: waking the
	// goroutine for each one would cost requests more than all the rest.
	collect = 100 * time.Millisecond
	// retryAfter is the pause after a failure to write, such as a full disk.
	retryAfter = 10 * time.Second
)

// Log records a sample of requests. It implements guests.Recorder.
type Log struct {
	threshold uint64 // of random numbers, below which a request is recorded
	options   Options
	redaction *redaction
	config    json.RawMessage
	digest    string

	// generations are the guests, by digest. A guest that was swapped for another may
	// return.
	mu          sync.Mutex
	generations map[string]*generation
	queue       []*entry
	queued      int // bytes
	closing     bool
	stats       Stats

	wake chan struct{} // holds a value while there is work
	full chan struct{} // holds a value while the work should not wait
	done chan struct{} // closed when the goroutine has ended
	err  error         // of the last write; valid once done is closed
}

// generation is a guest.
type generation struct{ header Header }

// Open makes a log. Close it after the last request.
func Open(o Options) (*Log, error) {
	if o.Rate < 0 || o.Rate > 1 || math.IsNaN(o.Rate) {
		return nil, fmt.Errorf("record: the rate: expected 0 to 1, found %v", o.Rate)
	}
	if err := prepareFolder(o.Folder); err != nil {
		return nil, err
	}
	config, err := json.Marshal(&o.Config)
	if err != nil {
		return nil, fmt.Errorf("record: the guest's configuration: %w", err)
	}
	sum := sha256.Sum256(config)
	if o.NoSettings {
		without := o.Config
		without.Settings = nil
		if config, err = json.Marshal(&without); err != nil {
			return nil, fmt.Errorf("record: the guest's configuration: %w", err)
		}
	}
	for _, names := range []*[]string{&o.Rules.Upstream, &o.Rules.Guard, &o.Rules.Allow} {
		*names = append([]string{}, *names...) // not null in JSON
	}
	l := &Log{
		options: o, redaction: newRedaction(o.Headers, o.Parameters), config: config, digest: hex.EncodeToString(sum[:]),
		generations: map[string]*generation{}, wake: make(chan struct{}, 1), full: make(chan struct{}, 1), done: make(chan struct{}),
	}
	if l.threshold = math.MaxUint64; o.Rate < 1 {
		l.threshold = uint64(o.Rate * math.MaxUint64)
	}
	go l.run()
	return l, nil
}

// Samples implements guests.Recorder. Each request has the same chance, so a client
// cannot choose to be left out.
func (l *Log) Samples() bool { return rand.Uint64() <= l.threshold && l.threshold > 0 }

// Tape implements guests.Recorder.
func (l *Log) Tape(rows guests.Rows) guests.RecordingTape {
	t := &tape{log: l, rows: rows}
	t.e.Time = time.Now().UnixNano()
	return t
}

// maxGenerations bounds the guests that are remembered.
const maxGenerations = 16

func (l *Log) generation(g *guests.Generation) *generation {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.generations[g.Digest()]; known != nil {
		return known
	}
	if len(l.generations) >= maxGenerations {
		clear(l.generations)
	}
	c := g.Configured()
	found := &generation{Header{
		Version: Version, Guest: g.Digest(), Name: c.Name, GuestVersion: c.Version, FuelVersion: g.FuelVersion(),
		Config: l.config, ConfigDigest: l.digest, NoSettings: l.options.NoSettings && len(l.options.Config.Settings) > 0,
		Headers: append([]string{}, g.Headers()...), Limits: l.options.Limits, Rules: l.options.Rules,
	}}
	l.generations[g.Digest()] = found
	return found
}

// put queues an entry or drops it. It never waits.
func (l *Log) put(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.tooMuch || l.closing || l.queued+e.size > maxQueued {
		l.stats.Dropped++
		return
	}
	l.queue = append(l.queue, e)
	if l.queued += e.size; len(l.queue) == 1 {
		l.signal()
	}
	if l.queued >= maxQueued/4 {
		l.hurry()
	}
}

func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default: // the goroutine is awake
	}
}

// hurry ends the pause in which entries are collected.
func (l *Log) hurry() {
	select {
	case l.full <- struct{}{}:
	default:
	}
}

// Stats returns the figures.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Close writes what is queued and closes the file. The error is that of the last write.
func (l *Log) Close() error {
	l.mu.Lock()
	l.closing = true
	l.signal()
	l.hurry()
	l.mu.Unlock()
	<-l.done
	return l.err
}

// take empties the queue.
func (l *Log) take() (batch []*entry, end bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch, l.queue, l.queued = l.queue, nil, 0
	return batch, l.closing
}

// count adds to the figures.
func (l *Log) count(s Stats) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Written += s.Written
	l.stats.Dropped += s.Dropped
	l.stats.Bytes += s.Bytes
	l.stats.Errors += s.Errors
}

// run writes the queue until the Log is closed.
func (l *Log) run() {
	defer close(l.done)
	w := writer{options: &l.options}
	var flushed, retry time.Time // last flush; no write before retry
	for {
		batch, end := l.take()
		now := time.Now()
		if now.Before(retry) && !end {
			l.count(Stats{Dropped: uint64(len(batch))})
			batch = nil
		}
		for _, e := range batch {
			l.redaction.apply(e)
			w.add(e)
		}
		flush := now.Sub(flushed) >= flushEvery
		if flush {
			flushed = now
		}
		err := w.write(flush || end, end)
		if err != nil {
			retry = now.Add(retryAfter)
			l.options.Logger.Error("recording requests failed; what was not written is lost, and later requests are written to another file", "error", err)
		}
		l.err = err
		l.count(w.taken())
		if end {
			return
		}
		l.wait(w.dirty, flushed.Add(flushEvery))
	}
}

// wait waits for work: entries, or a flush that is due at a time.
func (l *Log) wait(dirty bool, due time.Time) {
	if !dirty {
		<-l.wake
	} else if !within(time.Until(due), l.wake) {
		return
	}
	within(collect, l.full)
}

// within waits for d, or for a value of c, and reports whether there was one.
func within(d time.Duration, c <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
		return false
	}
}

var _ guests.Recorder = (*Log)(nil)

var errNoFolder = errors.New("record: expected the folder of the log, found none")
