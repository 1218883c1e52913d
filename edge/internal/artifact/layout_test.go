package artifact

import (
	"fmt"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

const digest0 = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

func TestParseReadsReferences(t *testing.T) {
	long := strings.Repeat("a", 2000)
	for text, want := range map[string]Reference{
		"oci://registry.example.com/router:v1":               {"registry.example.com", "router", "v1", ""},
		"oci://registry.example.com:5000/a/b_c/d@" + digest0: {"registry.example.com:5000", "a/b_c/d", "", digest0},
		"oci://localhost/a:v1@" + digest0:                    {"localhost", "a", "", digest0},
		"oci://[::1]:5000/a":                                 {"[::1]:5000", "a", "", ""},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "guest.wasm", "https://a/b:c", "oci://", "oci://a", "oci://a/", "oci:///a:b", "oci://a/B:c", "oci://a/b:", "oci://a/b@", "oci://a/b:c d",
		"oci://u:p@a/b:c", "oci://a/b@sha256:00", "oci://a/b@md5:00000000000000000000000000000000", "oci://a/../b:c", "oci://a/b?x:c", "oci://a%2fb/c:d",
		"oci://a/b@sha512:" + strings.Repeat("0", 128), "oci://a/" + long, "oci://a\nb/c:d", "OCI://a/b:c", "oci://a/b:c@", "oci://a/b@" + strings.ToUpper(digest0),
	} {
		if got, err := Parse(text); err == nil || !strings.Contains(err.Error(), "expected a reference") || len(err.Error()) > 1000 {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
}

func TestOnlyRegistriesOnThisMachineAreLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "127.0.0.1:5000": true, "127.9.9.9": true, "[::1]:5000": true, "[::1]": true,
		"localhost.example.com": false, "127.0.0.1.example.com:80": false, "10.0.0.1:5000": false, "registry": false, "[fe80::1]:80": false,
	} {
		if got := (Reference{Registry: host}).isLoopback(); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

// manifestOf returns the manifest of a guest, changed.
func manifestOf(t testing.TB, replaced ...string) []byte {
	t.Helper()
	_, manifest, _, err := encode(Guest{Wasm: []byte("wasm"), Signature: []byte("text")})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(replaced...).Replace(string(manifest))
	if len(replaced) > 0 && text == string(manifest) {
		t.Fatalf("%q is not in %s", replaced, manifest)
	}
	return []byte(text)
}

func TestManifestsThatAreNotThoseOfAGuestAreRefused(t *testing.T) {
	one := string(manifestOf(t))
	layers := one[strings.Index(one, `"layers":[`)+len(`"layers":[`) : strings.Index(one, `],"annotations"`)]
	for name, c := range map[string]struct {
		mediaType string
		data      []byte
		want      string
	}{
		"an index":              {ocispec.MediaTypeImageIndex, []byte(`{"manifests":[]}`), "found an index"},
		"a list of Docker":      {"application/vnd.docker.distribution.manifest.list.v2+json", nil, "found an index"},
		"a manifest of Docker":  {"application/vnd.docker.distribution.manifest.v2+json", nil, "as an OCI artifact"},
		"text":                  {ocispec.MediaTypeImageManifest, []byte("x"), "in JSON"},
		"null":                  {ocispec.MediaTypeImageManifest, []byte("null"), "schema version 2"},
		"an index in a guest's": {ocispec.MediaTypeImageManifest, manifestOf(t, `"layers"`, `"manifests":[],"layers"`), "no manifests"},
		"another type inside":   {ocispec.MediaTypeImageManifest, manifestOf(t, `"mediaType":"application/vnd.oci.image.manifest`, `"mediaType":"x`), "has its type"},
		"an image":              {ocispec.MediaTypeImageManifest, manifestOf(t, configType, ocispec.MediaTypeImageConfig), "no Wasm module"},
		"no layer":              {ocispec.MediaTypeImageManifest, manifestOf(t, layers, ""), "found 0"},
		"two layers":            {ocispec.MediaTypeImageManifest, manifestOf(t, layers, layers+","+layers), "found 2"},
		"an archive":            {ocispec.MediaTypeImageManifest, manifestOf(t, layerType, ocispec.MediaTypeImageLayerGzip), "not an archive"},
		"a layer of 1 GiB":      {ocispec.MediaTypeImageManifest, manifestOf(t, `"size":4`, `"size":1073741824`), "found 1073741824"},
		"a negative size":       {ocispec.MediaTypeImageManifest, manifestOf(t, `"size":4`, `"size":-1`), "found -1"},
		"a digest that is none": {ocispec.MediaTypeImageManifest, manifestOf(t, "sha256:", "sha257:"), "the digest of the config"},
		"a long signature":      {ocispec.MediaTypeImageManifest, manifestOf(t, `:"text"`, `:"`+strings.Repeat("a", 13<<10)+`"`), "a signature of at most"},
	} {
		if _, err := decodeManifest(c.mediaType, c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, expected %q", name, err, c.want)
		}
	}
}

func TestConfigsThatContradictTheLayerAreRefused(t *testing.T) {
	layer := describe(layerType, []byte("wasm"))
	for text, want := range map[string]string{
		`{}`: "",
		fmt.Sprintf(`{"architecture":"wasm","os":"wasip1","layerDigests":[%q],"component":{}}`, layer.Digest): "",
		``:                                         "in JSON",
		`{"architecture":"amd64"}`:                 "the architecture wasm",
		`{"architecture":"wasm","os":"wasip2"}`:    "not components",
		`{"layerDigests":[]}`:                      "in layerDigests",
		`{"layerDigests":["` + digest0 + `"]}`:     "in layerDigests",
		`{"layerDigests":["` + digest0 + `","x"]}`: "in layerDigests",
	} {
		if err := checkConfig([]byte(text), layer); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, expected %q", text, err, want)
		}
	}
}

func FuzzDecodeManifest(f *testing.F) {
	f.Add(ocispec.MediaTypeImageManifest, manifestOf(f))
	f.Add(ocispec.MediaTypeImageIndex, []byte(`{"manifests":[]}`))
	f.Add(ocispec.MediaTypeImageManifest, manifestOf(f, `"size":4`, `"size":9223372036854775807`))
	f.Fuzz(func(t *testing.T, mediaType string, data []byte) {
		l, err := decodeManifest(mediaType, data)
		if err != nil {
			return
		}
		if l.layer.Size < 0 || l.layer.Size > instance.MaxModule || l.config.Size < 0 || l.config.Size > maxMetadata || l.layer.Digest.Validate() != nil {
			t.Errorf("accepted %+v", l)
		}
		_ = checkConfig(data, l.layer)
	})
}

func FuzzParse(f *testing.F) {
	f.Add("oci://registry.example.com:5000/a/b:v1")
	f.Add("oci://[::1]/a@" + digest0)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(r.String()); err != nil || again != r {
			t.Errorf("%q is %+v, whose text is %q: %+v, %v", text, r, r.String(), again, err)
		}
	})
}

func FuzzCheckConfig(f *testing.F) {
	f.Add([]byte(`{"created":"2026-05-04T03:02:01Z","architecture":"wasm","os":"wasip1","layerDigests":[]}`))
	f.Fuzz(func(_ *testing.T, data []byte) { _ = checkConfig(data, describe(layerType, nil)) })
}

func TestAPlaceHasItsOwnRepositoriesOnly(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("0", 64)
	for _, c := range []struct {
		reference, place string
		want             bool
	}{
		{"oci://registry.example.com/guests/router", "registry.example.com", true},
		{"oci://registry.example.com/guests/router", "registry.example.com/guests", true},
		{"oci://registry.example.com/guests/router", "registry.example.com/guests/router", true},
		{"oci://registry.example.com/guests/router2", "registry.example.com/guests/router", false},
		{"oci://registry.example.com.evil.example/guests", "registry.example.com", false},
		{"oci://registry.example.com:5000/guests", "registry.example.com", false},
		{"oci://registry.example.com/guests", "registry.example.com:5000", false},
		{"oci://evil.example/registry.example.com", "registry.example.com", false},
	} {
		ref, err := Parse(c.reference + digest)
		if err != nil {
			t.Fatal(err)
		}
		if got := ref.Within(c.place); got != c.want {
			t.Errorf("%s within %s: %v", c.reference, c.place, got)
		}
	}
}
