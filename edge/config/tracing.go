package config

import (
	"fmt"
	"net/url"
	"os"
	"strings"
)

// Tracing configures the traces that are sent to an OpenTelemetry collector. What is
// not set is read from the environment variables of the OpenTelemetry specification.
type Tracing struct {
	// Endpoint is the URL of the collector; empty: OTEL_EXPORTER_OTLP_ENDPOINT, or
	// http://localhost:4318 as the specification says.
	Endpoint string `key:"endpoint,nonempty"`
	Protocol string `key:"protocol,one=http/protobuf"`
	// Sample is the share of requests that are sampled; nil: OTEL_TRACES_SAMPLER.
	Sample *Share `key:"sample"`
	// IgnoreParent samples requests of trusted peers like others: parent: ignore.
	IgnoreParent bool   `key:"parent,one=follow|ignore"`
	HeadersEnv   string `key:"headers_env,env"` // the variable with the headers for the collector
	Service      string `key:"service,nonempty"`
}

func (t *Tracing) decode(v value) {
	*t = Tracing{Protocol: "http/protobuf"}
	found := v.object(t)
	if e, ok := found["endpoint"]; ok && t.Endpoint != "" && !isCollector(t.Endpoint) {
		// The error omits the URL, which may contain a password.
		e.fail("expected a URL such as \"http://127.0.0.1:4318\", without user and query, found another text; correct it, and put secrets into the variable of headers_env")
	}
	if p, ok := found["parent"]; ok && t.IgnoreParent && t.Sample == nil {
		p.fail("expected the key sample, which parent: ignore needs, found none; add it")
	}
}

// isCollector reports whether text is a URL of http or https without secrets.
func isCollector(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// Headers returns the headers for the requests to the collector. Never log them.
func (t *Tracing) Headers() (map[string]string, error) {
	if t.HeadersEnv == "" {
		return nil, nil
	}
	text := os.Getenv(t.HeadersEnv)
	if text == "" {
		return nil, fmt.Errorf("config: expected the environment variable %s with headers such as authorization=secret, found none or an empty one", t.HeadersEnv)
	}
	headers := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if name = strings.TrimSpace(name); !ok || !isToken(name) {
			return nil, fmt.Errorf("config: %s: expected headers such as authorization=secret, separated by commas, found something else", t.HeadersEnv)
		}
		headers[name] = strings.TrimSpace(value)
	}
	return headers, nil
}
