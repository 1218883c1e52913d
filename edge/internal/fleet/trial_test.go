package fleet

import (
	"encoding/json"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
)

// documentedGrants returns the statements of the reference.
func documentedGrants(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../config/REFERENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "## Rights of a fleet\n")
	if !ok {
		t.Fatal("expected the section Rights of a fleet in the reference")
	}
	_, rest, _ = strings.Cut(rest, "```sql\n")
	sql, _, _ := strings.Cut(rest, "```")
	return sql
}

func TestATrialIsReadAsItWasWritten(t *testing.T) {
	for _, text := range []string{
		"shadow=10%25", "canary=5%25&tenant=a&tenant=b&header=X-Canary:+1&failures=0&differences=0.5&costly=1%25&fuel=3&time=2", "tenant=a",
	} {
		query, err := url.ParseQuery(text)
		if err != nil {
			t.Fatal(err)
		}
		trial, err := ParseTrial(query)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(trial)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := DecodeTrial(data); err != nil || !reflect.DeepEqual(again, trial) {
			t.Errorf("%s is read as %+v, %v", data, again, err)
		}
	}
	// What is missing in a row that was written by hand is as without flags.
	if trial, err := DecodeTrial(json.RawMessage(`{"canary": 0.5}`)); err != nil || trial.Fuel != defaultTrial().Fuel || trial.Differences != 1 {
		t.Errorf("%+v, %v", trial, err)
	}
}

func TestTrialsThatAreNotValidAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "null", "[]", `"too large"`, "{}", `{"shadow": 2}`, `{"shadow": -1}`, `{"shadow": 1, "canary": 1}`, `{"canary": "all"}`, `{"canary": 1, "percent": 5}`,
		`{"canary": 1} {}`, `{"header": "nothing"}`, `{"canary": 1e999}`,
	} {
		if trial, err := DecodeTrial(json.RawMessage(text)); err == nil {
			t.Errorf("%s is read as %+v", text, trial)
		}
	}
}

func FuzzDecodeTrial(f *testing.F) {
	f.Add([]byte(`{"canary": 0.5, "tenants": ["a"], "header": "X: y", "failures": 0}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		trial, err := DecodeTrial(data)
		if err != nil {
			return
		}
		if err := trial.Check(); err != nil {
			t.Errorf("%s: %v", data, err)
		}
		again, err := json.Marshal(trial)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeTrial(again); err != nil {
			t.Errorf("%s was written as %s: %v", data, again, err)
		}
	})
}
