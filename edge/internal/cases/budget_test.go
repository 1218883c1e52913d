package cases

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestABudgetReportsEveryChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fuel.json")
	if _, err := LoadBudget(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	if err := BudgetOf([]Result{{Name: "same", Fuel: 1}, {Name: "more <&>", Fuel: 100}, {Name: "less", Fuel: 100}, {Name: "vanished", Fuel: 5}}).Save(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if want := "{\n  \"fuel_version\": 2,\n  \"fuel\": {\n    \"less\": 100,\n    \"more <&>\": 100,\n    \"same\": 1,\n    \"vanished\": 5\n  }\n}\n"; err != nil || string(text) != want {
		t.Errorf("the file is %s%v", text, err)
	}
	b, err := LoadBudget(path)
	if err != nil {
		t.Fatal(err)
	}
	found := b.Compare(BudgetOf([]Result{{Name: "same", Fuel: 1}, {Name: "more <&>", Fuel: 150}, {Name: "less", Fuel: 50}, {Name: "new", Fuel: 7}}))
	want := []Change{{"less", Less, 100, 50, -50}, {"more <&>", More, 100, 150, 50}, {"new", New, 0, 7, 0}, {"vanished", Vanished, 5, 0, 0}}
	if !reflect.DeepEqual(found, want) {
		t.Errorf("found %+v", found)
	}
}

func TestABudgetThatCannotBeComparedSaysWhatToDo(t *testing.T) {
	for text, want := range map[string]string{
		`{"fuel_version": 1, "fuel": {}}`:  "record it again with --update",
		`{"fuel": 5}`:                      "expected a file that guest test --budget has written",
		`{"fuel_version": 2}`:              "expected a file that guest test --budget has written: found no fuel",
		`{"fuel_version": 2, "fuel": {}}}`: "expected a file that guest test --budget has written: found more",
	} {
		if _, err := parseBudget("fuel.json", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %s", text, err, want)
		}
	}
}
