package console

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// logData is what the page of the log shows.
type logData struct {
	Levels, Kinds []choice
	Text          string
	Entries       []entry
	Last          uint64 // number of the last record
	Events        string // path and query of the stream
}

// choice is an option of a form.
type choice struct {
	Value, Name string
	Chosen      bool
}

// shownRecords is the number of records on the page.
const shownRecords = 100

func (c *Console) logPage(w http.ResponseWriter, r *http.Request, v *visit) {
	f := filterOf(r.URL.Query())
	d := &logData{Text: f.Text}
	d.Entries, d.Last, _ = c.options.Log.since(0, shownRecords, f)
	for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		d.Levels = append(d.Levels, choice{l.String(), strings.ToLower(l.String()) + " and above", l == f.Level})
	}
	for _, k := range []choice{
		{Value: kindAll, Name: "everything"}, {Value: kindEdge, Name: "the edge"}, {Value: kindGuest, Name: "guests"},
		{Value: kindAudit, Name: "audit"}, {Value: kindAccess, Name: "requests"},
	} {
		k.Chosen = k.Value == f.Kind
		d.Kinds = append(d.Kinds, k)
	}
	d.Events = "/console/events/log?" + f.query().Encode()
	c.render(w, r, v, http.StatusOK, "log", "Log", d)
}

// filterOf reads the filter of a query. What is not valid selects everything.
func filterOf(q url.Values) filter {
	f := filter{Level: slog.LevelInfo, Text: strings.ToValidUTF8(strings.TrimSpace(q.Get("text")), "")}
	_ = f.Level.UnmarshalText([]byte(q.Get("level"))) // it stays info
	if len(f.Text) > maxQuery {
		f.Text = ""
	}
	if kind := q.Get("kind"); slices.Contains([]string{kindEdge, kindGuest, kindAudit, kindAccess}, kind) {
		f.Kind = kind
	}
	return f
}

func (f *filter) query() url.Values {
	return url.Values{"level": {f.Level.String()}, "kind": {f.Kind}, "text": {f.Text}}
}
