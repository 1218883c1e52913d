package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// examples are the answers that were observed from the reference. Their "about"
// says how to compare.
type examples struct {
	Groups []struct {
		Kind   string          `json:"kind"`
		Config json.RawMessage `json:"config"`
		Cases  []struct {
			Request  json.RawMessage `json:"request"`
			Observed map[string]any  `json:"observed"`
		} `json:"cases"`
	} `json:"groups"`
}

func TestTheExamplesOfTheReference(t *testing.T) {
	data, err := os.ReadFile("testdata/examples.json")
	if err != nil {
		t.Fatal(err)
	}
	var all examples
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	cases := 0
	for i, g := range all.Groups {
		config := writeFile(t, "edge.json", string(g.Config))
		var stdin bytes.Buffer
		for _, c := range g.Cases {
			if err := json.Compact(&stdin, c.Request); err != nil {
				t.Fatal(err)
			}
			stdin.WriteByte('\n')
		}
		code, stdout, stderr := command(stdin.String(), "eval", "--config", config)
		if code != exitOK {
			t.Fatalf("group %d: exit %d: %s", i, code, stderr)
		}
		answers := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
		if len(answers) != len(g.Cases) {
			t.Fatalf("group %d: %d answers to %d questions", i, len(answers), len(g.Cases))
		}
		for k, c := range g.Cases {
			var request, got map[string]any
			if err := json.Unmarshal(c.Request, &request); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(answers[k]), &got); err != nil {
				t.Fatalf("group %d: %q: %v", i, answers[k], err)
			}
			cases++
			for _, problem := range compare(g.Kind, request, c.Observed, got) {
				t.Errorf("group %d (%s): %s\n\tanswer %s\n\tquestion %.300s", i, g.Kind, problem, answers[k], c.Request)
			}
		}
	}
	if cases < 150 {
		t.Errorf("compared %d cases, expected all cases of the file", cases)
	}
}

func compare(kind string, request, observed, got map[string]any) []string {
	if got["id"] != request["id"] {
		return []string{fmt.Sprintf("id is %v, expected %v", got["id"], request["id"])}
	}
	switch kind {
	case "ws":
		return compareWebsocket(observed, got)
	case "storage":
		return compareStorage(request, observed, got)
	}
	if observed["outcome"] == "server_error" {
		if status, _ := got["status"].(float64); status < 400 || status > 499 {
			return []string{"the reference crashed: expected a 4xx"}
		}
		return nil
	}
	return compareFields(observed, got)
}

func compareFields(observed, got map[string]any) []string {
	var problems []string
	for key, want := range observed {
		have := got[key]
		switch key {
		case "error": // its text is Python's
			want, have = true, have != nil && have != ""
		case "location":
			want, have = normalizeURL(want), normalizeURL(have)
		}
		if !reflect.DeepEqual(have, want) {
			problems = append(problems, fmt.Sprintf("%s is %v, expected %v", key, have, want))
		}
	}
	return problems
}

var slashes = regexp.MustCompile("/+")

// normalizeURL removes percent-encoding and repeated slashes.
func normalizeURL(location any) string {
	text, _ := location.(string)
	if plain, err := url.PathUnescape(text); err == nil {
		text = plain
	}
	return slashes.ReplaceAllString(text, "/")
}

func compareWebsocket(observed, got map[string]any) []string {
	route, _ := got["route"].(map[string]any)
	switch observed["outcome"] {
	case "accepted":
		if got["outcome"] != "tenant" || got["schema"] != observed["schema"] || route["name"] != observed["label"] {
			return []string{fmt.Sprintf("expected tenant %v with route %v", observed["schema"], observed["label"])}
		}
	case "no_route":
		if got["outcome"] != "tenant" || got["schema"] != observed["schema"] || route != nil {
			return []string{fmt.Sprintf("expected tenant %v without a route", observed["schema"])}
		}
	case "no_tenant":
		if got["outcome"] == "tenant" || route != nil {
			return []string{"expected no tenant"}
		}
	default:
		return []string{fmt.Sprintf("the outcome %v is not known", observed["outcome"])}
	}
	return nil
}

// compareStorage accepts two intended differences: URLs start with the folder, and
// a base URL of slashes only is refused.
func compareStorage(request, observed, got map[string]any) []string {
	if folder, _ := request["folder"].(string); folder != "" {
		for _, key := range []string{"url", "base_url"} {
			if text, ok := got[key].(string); ok {
				got[key] = strings.Replace(text, "/"+folder, "", 1)
			}
		}
	}
	if base, _ := request["base_url"].(string); strings.Trim(base, "/") == "" {
		delete(observed, "base_url")
		if got["error"] == nil || got["url"] != nil {
			return []string{"expected the base URL to be refused"}
		}
	}
	return compareFields(observed, got)
}
