package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// observations are what testdata/observe.py saw Django do.
type observations struct {
	Kept, Dropped    [][2]rune
	Blank            []rune
	ValidName        []named `json:"valid_name"`
	GenerateFilename []named `json:"generate_filename"`
	Sequences        []struct {
		Steps   []step
		Results []outcome
	}
}

type outcome struct {
	Is    any
	Error string
}

type named struct {
	name string
	outcome
}

func (n *named) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&n.name, &n.outcome})
}

type step struct {
	Op        string
	Name      string
	Path      string
	Content   string
	MaxLength int `json:"max_length"`
}

func observed(t *testing.T) *observations {
	t.Helper()
	text, err := os.ReadFile("testdata/django.json")
	if err != nil {
		t.Fatal(err)
	}
	o := new(observations)
	if err := json.Unmarshal(text, o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestCharactersOfAValidNameAreDjangos(t *testing.T) {
	o := observed(t)
	check := func(ranges [][2]rune, want bool) {
		for _, bounds := range ranges {
			for r := bounds[0]; r <= bounds[1]; r++ {
				name, err := ValidName("a" + string(r) + "a")
				if err != nil || (name == "a"+string(r)+"a") != want && r != ' ' {
					t.Errorf("%U: got %q, %v; kept should be %v", r, name, err, want)
				}
			}
		}
	}
	check(o.Kept, true)
	check(o.Dropped, false)
	for _, r := range o.Blank {
		if !isBlank(r) {
			t.Errorf("%U is a blank of Python's", r)
		}
	}
}

func TestNamesAreDjangos(t *testing.T) {
	o := observed(t)
	for _, c := range []struct {
		what  string
		make  func(string) (string, error)
		cases []named
	}{{"ValidName", ValidName, o.ValidName}, {"GenerateFilename", GenerateFilename, o.GenerateFilename}} {
		if len(c.cases) < 300 {
			t.Errorf("%s: %d cases, expected all of the file", c.what, len(c.cases))
		}
		for _, n := range c.cases {
			got, err := c.make(n.name)
			if (err != nil) != (n.Error != "") || err == nil && got != n.Is {
				t.Errorf("%s(%q) is %q, %v; Django's is %v %s", c.what, n.name, got, err, n.Is, n.Error)
			}
			if err != nil && !errors.Is(err, ErrSuspicious) {
				t.Errorf("%s(%q): %v, expected ErrSuspicious", c.what, n.name, err)
			}
		}
	}
}

var random = regexp.MustCompile(`_[a-zA-Z0-9]{7}`)

// TestSequencesGoAsInDjango runs them in a folder that exists, as Django's did.
func TestSequencesGoAsInDjango(t *testing.T) {
	results := 0
	for i, s := range observed(t).Sequences {
		v := newView(t, Config{})
		if err := os.MkdirAll(v.Location(), 0o777); err != nil {
			t.Fatal(err)
		}
		for k, step := range s.Steps {
			results++
			want := s.Results[k]
			got, err := step.run(t.Context(), v)
			if suspicious := errors.Is(err, ErrSuspicious); (err != nil) != (want.Error != "") || suspicious != (want.Error == "suspicious") {
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

// masked is v as JSON has it, without random parts.
func masked(v any) any {
	text, _ := json.Marshal(v)
	text = random.ReplaceAllLiteral(text, []byte("_???????"))
	var out any
	_ = json.Unmarshal(text, &out)
	return out
}

func (s *step) run(ctx context.Context, v *View) (any, error) {
	switch s.Op {
	case "save":
		return v.Save(ctx, s.Name, strings.NewReader(s.Content), s.MaxLength)
	case "exists":
		return v.Exists(s.Name)
	case "listdir":
		dirs, files, err := v.ListDir(s.Path)
		return [][]string{dirs, files}, err
	case "size":
		return v.Size(s.Name)
	case "delete":
		return nil, v.Delete(s.Name)
	default:
		f, err := v.OpenFile(s.Name, os.O_RDONLY)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		var content bytes.Buffer
		_, err = io.Copy(&content, f)
		return content.String(), err
	}
}

// newView is a view of a tenant in a fresh folder.
func newView(t testing.TB, c Config) *View {
	t.Helper()
	s := newStorage(t, c)
	v, err := s.For(t.Context(), Tenant{Schema: "t1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func newStorage(t testing.TB, c Config) *Storage {
	t.Helper()
	if c.Location == "" {
		c.Location = t.TempDir()
	}
	if c.BaseURL == "" {
		c.BaseURL = "/media/"
	}
	c.NoSync = true
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
