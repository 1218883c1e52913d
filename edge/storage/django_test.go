package storage

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// observations are Django's results for names, which
// storagetest/testdata/observe.py recorded. Package storagetest replays those for
// files on every backend.
type observations struct {
	Kept, Dropped    [][2]rune
	Blank            []rune
	ValidName        []named `json:"valid_name"`
	GenerateFilename []named `json:"generate_filename"`
}

// named is a name and its result.
type named struct {
	name    string
	outcome struct {
		Is    any
		Error string
	}
}

func (n *named) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&n.name, &n.outcome})
}

func observed(t *testing.T) *observations {
	t.Helper()
	text, err := os.ReadFile("storagetest/testdata/django.json")
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
			if (err != nil) != (n.outcome.Error != "") || err == nil && got != n.outcome.Is {
				t.Errorf("%s(%q) is %q, %v; Django's is %v %s", c.what, n.name, got, err, n.outcome.Is, n.outcome.Error)
			}
			if err != nil && !errors.Is(err, ErrSuspicious) {
				t.Errorf("%s(%q): %v, expected ErrSuspicious", c.what, n.name, err)
			}
		}
	}
}
