package serve

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// discarded is a ResponseWriter that discards everything, with the methods of
// net/http's own.
type discarded struct{ header http.Header }

func (d *discarded) Header() http.Header         { return d.header }
func (d *discarded) WriteHeader(int)             {}
func (d *discarded) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkFile measures serving a small file without its connection, in
// comparison with http.FileServerFS.
func BenchmarkFile(b *testing.B) {
	location := b.TempDir()
	folder := filepath.Join(location, "www")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "a.bin"), make([]byte, 1024), 0o600); err != nil {
		b.Fatal(err)
	}
	run := func(b *testing.B, h http.Handler, target string) {
		r, err := http.NewRequest(http.MethodGet, "http://example.com"+target, nil)
		if err != nil {
			b.Fatal(err)
		}
		r.RequestURI, r.RemoteAddr = target, "127.0.0.1:1"
		b.ReportAllocs()
		for b.Loop() {
			h.ServeHTTP(&discarded{http.Header{}}, r)
		}
	}
	b.Run("FileServerFS", func(b *testing.B) { run(b, http.FileServerFS(os.DirFS(folder)), "/a.bin") })
	for _, c := range []struct {
		name, target string
		config.URLConf
	}{
		{"reply", "/a.bin", config.URLConf{Reply: &config.Reply{Status: 200}}},
		{"folder", "/a.bin", config.URLConf{Files: folder}},
		{"media", "/media/www/a.bin", config.URLConf{Media: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, err := newServer(b.Context(), edge.Config{
				GuestConfig:  abi.Config{Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"example.com"}, URLConf: "app"}}},
				CompileCache: compiled,
			}, settings{
				URLConfs: map[string]config.URLConf{"app": c.URLConf},
				Media:    &config.Media{Location: location, BaseURL: "/media/", ActiveContent: "attachment", Precompressed: true},
				Limits:   config.Limits{FileCache: 1 << 20, BodyTimeout: time.Minute, AnswerTimeout: time.Minute},
			})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			run(b, s, c.target)
		})
	}
}
