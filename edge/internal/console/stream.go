package console

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// part is a part of a page that the script replaces: the content of the element with
// the ID.
type part struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

// live are the parts of each page that change, and the data that their templates get.
var live = map[string]struct {
	parts []string
	now   func(*Console) any
}{
	"overview": {[]string{"status", "traffic", "traffic-table", "figures", "figures-table", "sockets", "warnings"}, func(c *Console) any { return c.overviewNow() }},
	"programs": {[]string{"running", "trial"}, func(c *Console) any { return c.programsNow() }},
}

// events streams the parts of a page as they change (server-sent events, HTML standard
// 9.2). It ends with the session, the console, or the connection; package pace ends one
// whose client does not read.
func (c *Console) events(w http.ResponseWriter, r *http.Request, v *visit) {
	select {
	case c.streams <- struct{}{}:
		defer func() { <-c.streams }()
	default:
		w.Header().Set("Retry-After", "10")
		w.Header().Set("Connection", "close") // the listener's connections are few
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stopped := context.AfterFunc(c.context, cancel)
	defer stopped()
	s := &stream{w: w, control: http.NewResponseController(w), context: ctx}
	if v.session != nil {
		s.ended = v.session.ended
	}
	_ = s.control.SetReadDeadline(time.Time{}) // the deadline of a request's body would end the stream
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // for a proxy in front
	w.WriteHeader(http.StatusOK)
	if s.control.Flush() != nil { // the client knows now that it is connected
		return
	}
	if r.PathValue("view") == "log" {
		c.streamLog(s, r)
		return
	}
	c.streamParts(s, r.PathValue("view"))
}

// stream is one client that gets events.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	context context.Context
	ended   <-chan struct{} // of the session; nil: there is none
}

// send writes one event, and reports whether the client may get another.
func (s *stream) send(name, id string, data any) bool {
	text, err := json.Marshal(data)
	if err != nil {
		return false
	}
	var b bytes.Buffer
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	b.WriteString("event: " + name + "\ndata: ")
	b.Write(text) // in one line
	b.WriteString("\n\n")
	if _, err := s.w.Write(b.Bytes()); err != nil {
		return false
	}
	return s.control.Flush() == nil
}

// wait waits until changed is closed, and reports whether the stream goes on. The last
// event of a session is its end.
func (s *stream) wait(changed <-chan struct{}) bool {
	select {
	case <-changed:
		return true
	case <-s.ended:
		s.send("ended", "", "signed out")
		return false
	case <-s.context.Done():
		return false
	}
}

// streamParts sends the parts of a page whenever the edge was sampled.
func (c *Console) streamParts(s *stream, view string) {
	of, ok := live[view]
	if !ok {
		return
	}
	sent := map[string]string{}
	for {
		_, _, changed := c.history.now()
		data := of.now(c)
		for _, name := range of.parts {
			var b bytes.Buffer
			if err := c.pages.templates[view].ExecuteTemplate(&b, name, data); err != nil {
				return
			}
			if text := b.String(); sent[name] != text {
				sent[name] = text
				if !s.send("part", "", part{"live-" + name, text}) {
					return
				}
			}
		}
		if !s.wait(changed) {
			return
		}
	}
}

// logPause is the time between two events of the log, however many records there are.
const logPause = 500 * time.Millisecond

// streamLog sends the records after the one that the page or the last event had.
func (c *Console) streamLog(s *stream, r *http.Request) {
	f := filterOf(r.URL.Query())
	after, err := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64)
	if err != nil {
		after, _ = strconv.ParseUint(r.URL.Query().Get("after"), 10, 64) // 0: from the oldest on
	}
	pause := time.NewTicker(logPause)
	defer pause.Stop()
	for {
		entries, last, changed := c.options.Log.since(after, shownRecords, f)
		if after > last { // of the process before this one
			after = 0
			continue
		}
		if after = last; len(entries) > 0 {
			var b bytes.Buffer
			if err := c.pages.templates["log"].ExecuteTemplate(&b, "entries", entries); err != nil {
				return
			}
			if !s.send("log", strconv.FormatUint(last, 10), part{"live-log", b.String()}) {
				return
			}
		}
		if !s.wait(changed) {
			return
		}
		select {
		case <-pause.C:
		case <-s.context.Done():
			return
		}
	}
}
