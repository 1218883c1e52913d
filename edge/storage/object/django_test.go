//go:build unix

package object

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// step is one thing that was done with Django's storage on a disk, and what
// came of it; see testdata/observe.py of package storage.
type step struct {
	Op, Name, Path, Content string
	MaxLength               int `json:"max_length"`
}

type outcome struct {
	Is    any
	Error string
}

var random = regexp.MustCompile(`_[a-zA-Z0-9]{7}`)

// masked is v as JSON has it, without random parts.
func masked(v any) any {
	text, _ := json.Marshal(v)
	var out any
	_ = json.Unmarshal(random.ReplaceAllLiteral(text, []byte("_???????")), &out)
	return out
}

func (s *step) run(ctx context.Context, f storage.Files) (any, error) {
	switch s.Op {
	case "save":
		return f.Save(ctx, s.Name, strings.NewReader(s.Content), s.MaxLength)
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

// vanished are steps that look at a folder whose last file was deleted. It is
// still there on a disk, and gone from a bucket.
var vanished = map[[2]int]bool{{24, 5}: true, {247, 11}: true}

func TestSequencesGoAsInDjango(t *testing.T) {
	text, err := os.ReadFile("../testdata/django.json")
	must(t, err)
	var observed struct {
		Sequences []struct {
			Steps   []step
			Results []outcome
		}
	}
	must(t, json.Unmarshal(text, &observed))
	files := newStorage(t, bucket(t))
	results := 0
	for i, s := range observed.Sequences {
		v, err := files.For(t.Context(), storage.Tenant{Schema: fmt.Sprintf("t%d", i)})
		must(t, err)
		for k, step := range s.Steps {
			if vanished[[2]int{i, k}] {
				continue
			}
			results++
			want := s.Results[k]
			got, err := step.run(t.Context(), v)
			if suspicious := errors.Is(err, storage.ErrSuspicious); (err != nil) != (want.Error != "") || suspicious != (want.Error == "suspicious") {
				t.Errorf("sequence %d, step %d: %+v: %v %v, Django: %v", i, k, step, got, err, want)
			} else if want.Error == "" && !reflect.DeepEqual(masked(got), want.Is) {
				t.Errorf("sequence %d, step %d: %+v: %v, Django: %v", i, k, step, masked(got), want.Is)
			}
		}
	}
	if results < 1000 {
		t.Errorf("compared %d results, expected all of the file", results)
	}
}
