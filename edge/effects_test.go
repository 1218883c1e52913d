package edge

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// What a request would do is found out without doing it.
func TestACallWithoutEffectsHasNone(t *testing.T) {
	folder := t.TempDir()
	var served bytes.Buffer
	h, location := newFileHost(t, func(c *Config) {
		c.Recording = &Recording{Folder: folder, Rate: 1}
		c.Logger = slog.New(slog.NewTextHandler(&served, nil))
	})
	canary := append(wasmtest.Guest(t, "edge/testdata/fileguest"), custom(1)...)
	if err := h.StartCandidate(t.Context(), Candidate{Guest: canary, Canary: 1, Limits: DefaultCandidateLimits()}); err != nil {
		t.Fatal(err)
	}
	before := served.Len()
	var own bytes.Buffer
	ctx := WithoutEffects(t.Context(), slog.New(slog.NewTextHandler(&own, nil)))
	for target, want := range map[string]string{
		"/find:t2/save:new.txt": "/found errno4", "/find:t2/delete:a.txt": "/found errno4", "/find:t2/read:a.txt": "/found of t2", "/find:t2/log:hello": "/found logged",
	} {
		d, err := h.Route(ctx, &Request{Method: http.MethodGet, Scheme: "http", Host: "t1.example.com", Target: target})
		if err != nil || !strings.HasPrefix(d.Tenant.Path, want) {
			t.Errorf("%s: %q, %v, want %q", target, d.Tenant.Path, err, want)
		}
	}
	if !strings.Contains(own.String(), "hello") || strings.Contains(served.String()[before:], "hello") {
		t.Errorf("the guest's log went to %q, the edge's is %q", own.String(), served.String()[before:])
	}
	s := h.Stats()
	if c := s.Candidate; c.Judged > 0 || c.Failures > 0 || c.Ended != "" {
		t.Errorf("the canary was judged: %+v", c)
	}
	if s.Record.Written+s.Record.Dropped > 0 {
		t.Errorf("requests were recorded: %+v", s.Record)
	}
	if content, err := os.ReadFile(filepath.Join(location, "t2", "a.txt")); err != nil || len(content) == 0 {
		t.Errorf("the file is %q, %v", content, err)
	}
	if _, err := os.Stat(filepath.Join(location, "t2", "new.txt")); err == nil {
		t.Error("a file was saved")
	}
}
