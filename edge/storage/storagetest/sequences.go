package storagetest

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// django is what testdata/observe.py recorded of Django on a disk.
//
//go:embed testdata/django.json
var django []byte

// step is one operation.
type step struct {
	Op, Name, Path, Content string
	MaxLength               int `json:"max_length"`
}

// outcome is its result.
type outcome struct {
	Is    any
	Error string
}

func sequences(t *testing.T, p Backend) {
	var observed struct {
		Sequences []struct {
			Steps   []step
			Results []outcome
		}
	}
	must(t, json.Unmarshal(django, &observed))
	backend, results := p.Open(t, Config{BaseURL: "/media/"}), 0
	for i, s := range observed.Sequences {
		f := filesOf(t, backend, fmt.Sprintf("t%d", i))
		// The folder exists, as Django's did.
		must(t, f.Delete(save(t, f, "first", "")))
		for k, step := range s.Steps {
			if p.NoFolders && vanished[[2]int{i, k}] {
				continue
			}
			results++
			want := s.Results[k]
			got, err := step.run(t, f)
			if suspicious := errors.Is(err, storage.ErrSuspicious); (err != nil) != (want.Error != "") || suspicious != (want.Error == "suspicious") {
				t.Errorf("sequence %d, step %d: %+v: %v %v, Django: %v", i, k, step, got, err, want)
			} else if want.Error == "" && !reflect.DeepEqual(masked(got), want.Is) {
				t.Errorf("sequence %d, step %d: %+v: %v, Django: %v", i, k, step, masked(got), want.Is)
			}
			if name, ok := got.(string); ok && step.Op == "save" && step.MaxLength > 0 && utf8.RuneCountInString(name) > step.MaxLength {
				t.Errorf("sequence %d, step %d: %q is longer than %d", i, k, name, step.MaxLength)
			}
		}
	}
	if results < 1000 {
		t.Errorf("compared %d results, expected all of the file", results)
	}
}

// vanished are steps that examine a folder whose last file was deleted.
var vanished = map[[2]int]bool{{24, 5}: true, {247, 11}: true}

func (s *step) run(t *testing.T, f tenantFiles) (any, error) {
	switch s.Op {
	case "save":
		return f.Save(t.Context(), s.Name, strings.NewReader(s.Content), s.MaxLength)
	case "exists":
		return f.Exists(s.Name)
	case "listdir":
		dirs, files, err := f.ListDir(s.Path)
		return [][]string{dirs, files}, err
	case "size":
		return f.Size(s.Name)
	case "delete":
		return nil, f.Delete(s.Name)
	}
	from, err := f.OpenRead(s.Name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(from)
	return string(content), errors.Join(err, from.Close())
}

var random = regexp.MustCompile(`_[a-zA-Z0-9]{7}`)

// masked returns v as decoded JSON, without random parts.
func masked(v any) any {
	text, _ := json.Marshal(v)
	var out any
	_ = json.Unmarshal(random.ReplaceAllLiteral(text, []byte("_???????")), &out)
	return out
}
