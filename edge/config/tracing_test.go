package config

import (
	"maps"
	"strings"
	"testing"
)

func TestASectionWithoutKeysTraces(t *testing.T) {
	f, err := Parse("x.yaml", []byte("tracing: {}"))
	if err != nil || f.Tracing == nil || f.Tracing.Sample != nil {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err := Parse("x.yaml", nil); err != nil || f.Tracing != nil {
		t.Errorf("without the section: %+v, %v", f, err)
	}
}

func TestMistakesInTracing(t *testing.T) {
	for text, want := range map[string]string{
		"{endpoint: localhost:4317}":            `x.yaml:1:21: tracing.endpoint: expected a URL such as "http://127.0.0.1:4318"`,
		"{endpoint: 'http://user:secret@h'}":    "put secrets into the variable of headers_env",
		"{endpoint: 'http://h?key=secret'}":     "put secrets into the variable of headers_env",
		"{protocol: grpc}":                      "tracing.protocol: expected http/protobuf",
		"{sample: 200%}":                        `tracing.sample: expected a percentage`,
		"{parent: ignore}":                      "tracing.parent: expected the key sample, which parent: ignore needs",
		"{headers_env: 'authorization=secret'}": "tracing.headers_env: expected",
		"{parent: always, sample: 1}":           "tracing.parent: expected follow or ignore",
	} {
		_, err := Parse("x.yaml", []byte("tracing: "+text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret@") || strings.Contains(err.Error(), "=secret") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestHeadersOfTheCollector(t *testing.T) {
	c := &Tracing{HeadersEnv: "CONFIG_TEST_HEADERS"}
	t.Setenv("CONFIG_TEST_HEADERS", "authorization=Basic a=b, x-team = edge")
	headers, err := c.Headers()
	if err != nil || !maps.Equal(headers, map[string]string{"authorization": "Basic a=b", "x-team": "edge"}) {
		t.Errorf("%v, %v", headers, err)
	}
	for _, text := range []string{"", "no pair", "two words=x", "secret"} {
		t.Setenv("CONFIG_TEST_HEADERS", text)
		if _, err := c.Headers(); err == nil || !strings.Contains(err.Error(), "CONFIG_TEST_HEADERS") || strings.Contains(err.Error(), "two words") {
			t.Errorf("%q: %v", text, err)
		}
	}
	f, err := Parse("x.yaml", []byte("tracing: {headers_env: CONFIG_TEST_UNSET}"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.CheckEnvironment(); err == nil || !strings.Contains(err.Error(), "x.yaml:1:11: tracing.headers_env: ") {
		t.Errorf("a missing variable: %v", err)
	}
}
