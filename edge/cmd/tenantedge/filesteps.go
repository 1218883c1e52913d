package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
)

// fileStep is one operation on a tenant's files.
type fileStep struct {
	Op        string `json:"op"` // one of fileOps
	Name      string `json:"name"`
	Path      string `json:"path"` // for listdir
	Content   string `json:"content"`
	MaxLength int    `json:"max_length"` // for save; 0: none
}

var fileOps = map[string]func(context.Context, storage.Django, *fileStep) (any, error){
	"save": func(ctx context.Context, v storage.Django, s *fileStep) (any, error) {
		return v.Save(ctx, s.Name, strings.NewReader(s.Content), s.MaxLength)
	},
	"exists": func(_ context.Context, v storage.Django, s *fileStep) (any, error) { return v.Exists(s.Name) },
	"listdir": func(_ context.Context, v storage.Django, s *fileStep) (any, error) {
		dirs, files, err := v.ListDir(s.Path)
		return [][]string{dirs, files}, err
	},
	"size":   func(_ context.Context, v storage.Django, s *fileStep) (any, error) { return v.Size(s.Name) },
	"delete": func(_ context.Context, v storage.Django, s *fileStep) (any, error) { return nil, v.Delete(s.Name) },
	"open": func(_ context.Context, v storage.Django, s *fileStep) (any, error) {
		f, err := v.OpenRead(s.Name)
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(f)
		return string(content), errors.Join(err, f.Close())
	},
}

func (q *question) checkFiles() error {
	switch q.Do {
	case "":
	case "valid_name", "generate_filename":
		if q.Name == nil {
			return fmt.Errorf("name: expected a name for %s, found none", q.Do)
		}
	default:
		return fmt.Errorf("do: expected valid_name or generate_filename, found %q", q.Do)
	}
	for i, s := range q.Steps {
		if fileOps[s.Op] == nil {
			return fmt.Errorf("steps[%d].op: expected save, exists, listdir, size, delete or open, found %q", i, s.Op)
		}
	}
	return nil
}

// fileName answers with the name that a storage makes of a question's name.
func fileName(q *question) any {
	do := storage.ValidName
	if q.Do == "generate_filename" {
		do = storage.GenerateFilename
	}
	name, err := do(*q.Name)
	if err != nil {
		return errorAnswer{q.ID, err.Error()}
	}
	return struct {
		ID   json.RawMessage `json:"id,omitempty"`
		Name string          `json:"name"`
	}{q.ID, name}
}

// steps runs a question's steps in order, in a new folder for the tenant.
func (e *evaluator) steps(ctx context.Context, q *question) any {
	results, err := e.runSteps(ctx, q)
	if err != nil {
		return errorAnswer{q.ID, err.Error()}
	}
	return struct {
		ID      json.RawMessage `json:"id,omitempty"`
		Results []any           `json:"results"`
	}{q.ID, results}
}

func (e *evaluator) runSteps(ctx context.Context, q *question) (results []any, err error) {
	location, err := os.MkdirTemp("", "tenantedge-eval-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(location)) }()
	files, err := disk.New(disk.Config{Location: location, Locator: e.host, NoSync: true})
	if err != nil {
		return nil, err
	}
	defer files.Close()
	t := storage.Tenant{Schema: "public", Folder: q.Folder}
	if q.Schema != nil && *q.Schema != "" {
		t.Schema = *q.Schema
	}
	if t.HasPathname = q.SchemaPathname != nil; t.HasPathname {
		t.Pathname = *q.SchemaPathname
	}
	view, err := files.For(ctx, t)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	// The tenant's folder must be empty, not missing.
	if err := os.Mkdir(view.Location(), 0o700); err != nil {
		return nil, err
	}
	results = make([]any, len(q.Steps))
	for i := range q.Steps {
		s := &q.Steps[i]
		if results[i], err = fileOps[s.Op](ctx, storage.Django{View: view}, s); err != nil {
			results[i] = errorAnswer{Error: err.Error()}
		}
	}
	return results, nil
}
