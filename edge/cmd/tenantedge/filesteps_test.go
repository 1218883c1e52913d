package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func TestEvalMakesNamesAndFiles(t *testing.T) {
	config := writeFile(t, "edge.yaml", acme)
	for _, c := range []struct{ name, question, answer string }{
		{"a valid name", `{"id":1,"op":"storage","do":"valid_name","name":" my  file (é).txt"}`, `{"id":1,"name":"my__file_é.txt"}`},
		{"an invalid name", `{"id":1,"op":"storage","do":"valid_name","name":"/.."}`, `{"id":1,"error":"storage: \"/..\" cannot be made the name of a file`},
		{"a file name", `{"op":"storage","do":"generate_filename","name":"a/./b\\c d.txt"}`, `{"name":"a/b/c_d.txt"}`},
		{"a file name with a parent segment", `{"op":"storage","do":"generate_filename","name":"a/../b"}`, `{"error":"storage: \"a/../b\" climbs`},
		{"an unknown function", `{"op":"storage","do":"x","name":"a"}`, `{"error":"do: expected valid_name or`},
		{"no name", `{"op":"storage","do":"valid_name"}`, `{"error":"name: expected a name`},
		{"no steps", `{"op":"storage","schema":"acme","steps":[]}`, `{"results":[]}`},
		{"steps with an invalid pathname", `{"op":"storage","schema":"acme","schema_pathname":"../x","steps":[]}`, `{"error":"storage: tenant \"acme\": identifier of`},
		{"an unknown step", `{"op":"storage","steps":[{"op":"save"},{"op":"jump"}]}`, `{"error":"steps[1].op: expected save,`},
		{
			"steps", `{"id":"x","op":"storage","schema":"acme","steps":[{"op":"listdir","path":""},{"op":"save","name":"d/<a>.txt","content":"zwölf"},` +
				`{"op":"exists","name":"d/<a>.txt"},{"op":"listdir","path":"d"},{"op":"listdir","path":""},{"op":"size","name":"d/<a>.txt"},{"op":"open","name":"d/<a>.txt"},` +
				`{"op":"delete","name":"d/<a>.txt"},{"op":"exists","name":"d/<a>.txt"},{"op":"open","name":"d/<a>.txt"}]}`,
			`{"id":"x","results":[[[],[]],"d/<a>.txt",true,[[],["<a>.txt"]],[["d"],[]],6,"zwölf",null,false,{"error":"`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := command(c.question+"\n", "eval", "-c", config)
			if !strings.HasPrefix(stdout, c.answer) {
				t.Errorf("exit %d %s\nanswered %sexpected %s", code, stderr, stdout, c.answer)
			}
		})
	}
}

// TestEvalHandlesFilesAsDjangoDoes runs the steps whose results were observed from
// Django. The guest determines where files are.
func TestEvalHandlesFilesAsDjangoDoes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "storage", "storagetest", "testdata", "django.json"))
	if err != nil {
		t.Fatal(err)
	}
	var observed struct {
		Sequences []struct {
			Steps   json.RawMessage
			Results []struct {
				Is    any
				Error string
			}
		}
	}
	if err := json.Unmarshal(text, &observed); err != nil {
		t.Fatal(err)
	}
	var questions strings.Builder
	for i, s := range observed.Sequences {
		fmt.Fprintf(&questions, `{"id":%d,"op":"storage","schema":"acme","steps":%s}`+"\n", i, s.Steps)
	}
	code, stdout, stderr := command(questions.String(), "eval", "-c", writeFile(t, "edge.yaml", acme))
	answers := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != exitOK || len(answers) != len(observed.Sequences) {
		t.Fatalf("exit %d %s: %d answers to %d questions", code, stderr, len(answers), len(observed.Sequences))
	}
	random := regexp.MustCompile(`_[a-zA-Z0-9]{7}`)
	for i, s := range observed.Sequences {
		var answer struct{ Results []any }
		if err := json.Unmarshal([]byte(random.ReplaceAllLiteralString(answers[i], "_???????")), &answer); err != nil || len(answer.Results) != len(s.Results) {
			t.Fatalf("%s: %v", answers[i], err)
		}
		for k, want := range s.Results {
			got := answer.Results[k]
			if fault, ok := got.(map[string]any); ok != (want.Error != "") || ok && fault["error"] == "" || !ok && !reflect.DeepEqual(got, want.Is) {
				t.Errorf("sequence %d, step %d of %s: %v, expected %v", i, k, s.Steps, got, want)
			}
		}
	}
}
