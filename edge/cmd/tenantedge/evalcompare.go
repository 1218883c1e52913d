package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/cases"
)

// checkModes checks that at most one of the flags for comparing is set.
func (o *evalOptions) checkModes() error {
	modes := 0
	for _, mode := range []string{o.against, o.expect, o.record} {
		if mode != "" {
			modes++
		}
	}
	switch {
	case modes > 1:
		return usagef("eval: expected at most one of --against, --expect and --record, found %d", modes)
	case modes > 0 && o.explain:
		return usagef("eval: expected --explain without --against, --expect and --record, found both")
	case o.expect != "" && len(o.requests) > 0:
		return usagef("eval: expected --expect without --request, found both; the file has the requests")
	case o.record != "" && o.json:
		return usagef("eval: expected --record without --json, found both; the file is JSON lines")
	case o.record != "":
		return checkRecorded(o.record)
	}
	return nil
}

// checkRecorded returns an error unless --record may write to path: other files than
// recordings must not be lost by a wrong name.
func checkRecorded(path string) error {
	if !strings.HasSuffix(strings.ToLower(path), ".jsonl") {
		return usagef("eval: expected --record FILE.jsonl, found %q: --expect reads files with that ending as JSON lines", path)
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		return nil
	}
	if _, err := cases.Load(path); err != nil {
		return fmt.Errorf("--record: expected to replace cases, found another file; name another FILE, or remove it: %w", err)
	}
	return nil
}

// comparison is eval with a second guest.
type comparison struct {
	other          *evaluator
	out            io.Writer
	json           bool
	asked, differs int
}

// against returns a comparison with the guest in a file.
func (e *evaluator) against(ctx context.Context, path string, out io.Writer, asJSON bool) (*comparison, error) {
	wasm, err := readGuest(ctx, path, registryOf(e.file))
	if err != nil {
		return nil, fmt.Errorf("--against: %w", err)
	}
	file := *e.file
	file.Guest.Path = path
	b := &evaluator{file: &file, notes: e.notes}
	if b.files, err = e.parts.FileAccess(); err != nil {
		return nil, err
	}
	c := e.parts.Config
	c.Guest = wasm
	if b.host, err = edge.New(ctx, c); err != nil {
		return nil, fmt.Errorf("--against: %w", err)
	}
	b.fileErr = b.files.Open(ctx, b.host)
	return &comparison{other: b, out: out, json: asJSON}, nil
}

// differenceLine is the output of --against with --json.
type differenceLine struct {
	ID          json.RawMessage `json:"id,omitempty"`
	Question    int             `json:"question"` // its number, from 1
	Differences []difference    `json:"differences"`
}

// difference is a field of which two guests have different values.
type difference struct {
	Field string `json:"field"`
	A     string `json:"a"`
	B     string `json:"b"`
}

// write returns a writer that writes only answers that differ from the other
// guest's.
func (c *comparison) write(ctx context.Context) writer {
	return func(q *question, answer any) error {
		c.asked++
		a, err := flatten(answer)
		if err != nil {
			return err
		}
		other := answer
		if _, failed := answer.(errorAnswer); !failed || q.check() == nil {
			other = c.other.answer(ctx, q)
		}
		b, err := flatten(other)
		if err != nil || maps.Equal(a, b) {
			return err
		}
		c.differs++
		return c.writeDifferences(q, fieldDifferences(a, b))
	}
}

func (c *comparison) writeDifferences(q *question, all []difference) error {
	if c.json {
		enc := newEncoder(c.out)
		enc.SetEscapeHTML(false)
		return enc.Encode(differenceLine{q.ID, c.asked, all})
	}
	out := terminal{c.out}
	fmt.Fprintf(out, "question %d: %s\n", c.asked, strings.TrimSuffix(headline(q), "\n"))
	rows := [][3]string{{"", "A", "B"}}
	for _, d := range all {
		rows = append(rows, [3]string{d.Field, orNone(d.A), orNone(d.B)})
	}
	printTable(out, rows)
	return nil
}

// finish closes the other guest. It returns an error if decisions differ.
func (c *comparison) finish() error {
	c.other.close()
	if c.differs == 0 {
		if !c.json {
			fmt.Fprintf(c.out, "A and B answer %s alike.\n", plural(c.asked, "question"))
		}
		return nil
	}
	return fmt.Errorf("eval: %d of %s are answered differently", c.differs, plural(c.asked, "question"))
}

// flatten returns the fields of an answer by name: texts as they are, and other
// values as JSON.
func flatten(answer any) (map[string]string, error) {
	raw, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	all := make(map[string]string, len(fields)+1)
	for name, value := range fields {
		if name != "id" && !bytes.Equal(value, []byte("null")) {
			all[name] = string(value)
			var text string
			if json.Unmarshal(value, &text) == nil {
				all[name] = text
			}
		}
	}
	return all, nil
}

// fieldDifferences returns the fields that differ, sorted by name.
func fieldDifferences(a, b map[string]string) (all []difference) {
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if a[name] != b[name] {
			all = append(all, difference{name, a[name], b[name]})
		}
	}
	return all
}

// compareExpected asks the questions of a file of cases and writes those whose
// answers are not the expected ones.
func (o *evalOptions) compareExpected(ctx context.Context, e *evaluator, stdout io.Writer) error {
	files, err := loadCases([]string{o.expect})
	if err != nil {
		return err
	}
	h := cases.HostOf(e.host, e.parts.Config.Directory, e.file.GuestConfig.TenantSessionKey, e.notes)
	var r guestTestReport
	for i := range files[0].Cases {
		r.Results = append(r.Results, h.Case(ctx, &files[0].Cases[i]))
	}
	r.count()
	if o.json {
		enc := newEncoder(stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err = enc.Encode(&r)
	} else {
		err = (&guestTestOptions{}).print(stdout, &r)
	}
	if r.Failed > 0 {
		err = errors.Join(err, fmt.Errorf("eval: %d of %s are not as expected", r.Failed, plural(r.Cases, "decision")))
	}
	return err
}

// recorder returns a writer of decisions as cases.
func (e *evaluator) recorder(file io.Writer) writer {
	names := map[string]int{}
	return func(q *question, answer any) error {
		a, ok := answer.(*routeAnswer)
		switch {
		case !ok:
			return fmt.Errorf("--record: expected questions with op route or websocket, found %q", q.Op)
		case a.Error != "":
			return fmt.Errorf("--record: expected a decision on %s %s, found an error: %s", q.Method, q.Target, a.Error)
		}
		r := q.request()
		if key := e.file.GuestConfig.TenantSessionKey; a.explained.Request.Session != "" && r.Session[key] == nil {
			r.SetSession(key, a.explained.Request.Session) // that of its cookie
		}
		name := fmt.Sprintf("%s %s://%s%s", q.Method, q.Scheme, hostOf(q), q.Target)
		if names[name]++; names[name] > 1 {
			name = fmt.Sprintf("%s, number %d", name, names[name])
		}
		found := cases.AnswerOf(&a.explained.Decision)
		if a.explained.Decision.Outcome == 0 {
			found = cases.RefusalOf(a.explained.Err)
		}
		line, err := cases.Record(name, r, &found)
		if err != nil {
			return err
		}
		_, err = file.Write(line)
		return err
	}
}
