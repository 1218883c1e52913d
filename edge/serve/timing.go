package serve

import (
	"net/http"
	"strconv"
	"time"
)

// measuresCost reports whether the cost of requests is counted or told to anyone.
func (s *generation) measuresCost() bool {
	tells := s.options.ServerTiming == "all" || s.options.ServerTiming == "trusted"
	return s.accounts != nil || tells || s.options.AccessLog && s.options.LogCost
}

// tellsTiming reports whether the answer to a request has Server-Timing.
func (s *generation) tellsTiming(r *http.Request) bool {
	switch s.options.ServerTiming {
	case "all":
		return true
	case "trusted":
		return s.host.TrustsPeer(r)
	}
	return false
}

// addTiming adds a line of Server-Timing to the header of an answer, after those of
// the application. It is one element for the guest and one for the application, each
// only if it was asked.
func (n *note) addTiming(header http.Header) {
	var space [128]byte
	line := space[:0]
	if n.cost.Calls() > 0 {
		line = appendMillis(append(line, "guest;dur="...), n.cost.Took())
		line = append(line, `;desc="fuel=`...)
		line = strconv.AppendUint(line, n.cost.Fuel(), 10)
		line = append(line, " calls="...)
		line = strconv.AppendUint(line, n.cost.HostCalls(), 10)
		line = append(line, '"')
	}
	if took := n.upstream.Load(); took > 0 {
		if len(line) > 0 {
			line = append(line, ", "...)
		}
		line = appendMillis(append(line, "upstream;dur="...), time.Duration(took))
	}
	if len(line) > 0 {
		header["Server-Timing"] = append(header["Server-Timing"], string(line))
	}
}

func appendMillis(line []byte, d time.Duration) []byte {
	return strconv.AppendFloat(line, float64(d)/float64(time.Millisecond), 'f', 3, 64)
}

// answered is upstream.Config.Answered. httputil.ReverseProxy writes an answer that
// switches protocols itself, so it gets its Server-Timing here.
func (s *generation) answered(r *http.Request, answer *http.Response, took time.Duration) {
	n, ok := r.Context().Value(noteKey{}).(*note)
	if !ok {
		return
	}
	n.upstream.Add(int64(took))
	if answer != nil {
		n.answered.Store(true)
	}
	if answer != nil && answer.StatusCode == http.StatusSwitchingProtocols && s.tellsTiming(r) {
		n.addTiming(answer.Header)
	}
}

// accepted is websocket.Config.Accepted.
func (s *generation) accepted(r *http.Request, header http.Header) {
	if s.tellsTiming(r) {
		noteOf(r.Context()).addTiming(header)
	}
}
