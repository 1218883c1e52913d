package artifact

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/signature"
)

// SignatureAnnotation is the annotation of a manifest that has the guest's signature,
// the text of a .minisig file.
const SignatureAnnotation = "io.github.tenantedge.guest.minisig"

const (
	configType = "application/vnd.wasm.config.v0+json"
	layerType  = "application/wasm"
	// title is the name of the file that `oras pull` writes.
	title = "guest.wasm"
	// maxMetadata bounds manifests and configs, in bytes. A guest's have about one
	// KiB each, and the signature.
	maxMetadata = 256 << 10
)

// config is the config of an artifact. It has more fields in artifacts that are
// components.
type config struct {
	Created      string   `json:"created,omitempty"`
	Architecture string   `json:"architecture"`
	OS           string   `json:"os"`
	LayerDigests []string `json:"layerDigests"`
}

// layout is what a guest's manifest says.
type layout struct {
	config, layer ocispec.Descriptor
	signature     []byte
	created       time.Time // zero: not given
}

func describe(mediaType string, content []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
}

// encode returns the config and the manifest of a guest. Equal guests that were
// created in the same second have equal ones.
func encode(g Guest) (configJSON, manifestJSON []byte, layer ocispec.Descriptor, err error) {
	layer = describe(layerType, g.Wasm)
	layer.Annotations = map[string]string{ocispec.AnnotationTitle: title}
	created := g.Created.UTC().Format(time.RFC3339)
	configJSON, err = json.Marshal(config{created, "wasm", "wasip1", []string{layer.Digest.String()}})
	if err != nil {
		return nil, nil, layer, err
	}
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: describe(configType, configJSON), Layers: []ocispec.Descriptor{layer},
		Annotations: map[string]string{ocispec.AnnotationCreated: created},
	}
	if len(g.Signature) > 0 {
		m.Annotations[SignatureAnnotation] = string(g.Signature)
	}
	manifestJSON, err = json.Marshal(m)
	return configJSON, manifestJSON, layer, err
}

// decodeManifest decodes a manifest of a media type, which the registry gave.
func decodeManifest(mediaType string, data []byte) (layout, error) {
	var m struct {
		ocispec.Manifest
		Manifests json.RawMessage `json:"manifests"`
	}
	switch mediaType {
	case ocispec.MediaTypeImageManifest:
	case ocispec.MediaTypeImageIndex, "application/vnd.docker.distribution.manifest.list.v2+json":
		return layout{}, errors.New("expected the manifest of a guest, found an index of several; a guest is the same for all platforms: name the digest of one manifest")
	default:
		return layout{}, fmt.Errorf("expected a manifest of the type %s, found %.100q; push the guest as an OCI artifact", ocispec.MediaTypeImageManifest, mediaType)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return layout{}, fmt.Errorf("expected a manifest in JSON: %w", err)
	}
	switch {
	case m.SchemaVersion != 2 || m.MediaType != "" && m.MediaType != mediaType || m.Manifests != nil:
		return layout{}, fmt.Errorf("expected a manifest of schema version 2 that has its type %s and no manifests, found another one", mediaType)
	case m.Config.MediaType != configType:
		return layout{}, fmt.Errorf("expected an artifact with a config of the type %s, found %.100q; it is no Wasm module in the layout of the CNCF", configType, m.Config.MediaType)
	case len(m.Layers) != 1:
		return layout{}, fmt.Errorf("expected one layer, the guest, found %d; push the guest alone", len(m.Layers))
	case m.Layers[0].MediaType != layerType:
		return layout{}, fmt.Errorf("expected a layer of the type %s, found %.100q; push the module itself, not an archive of it", layerType, m.Layers[0].MediaType)
	}
	l := layout{config: m.Config, layer: m.Layers[0]}
	if text := m.Annotations[SignatureAnnotation]; text != "" {
		l.signature = []byte(text)
	}
	if err := errors.Join(checkDescriptor("config", l.config, maxMetadata), checkDescriptor("layer", l.layer, instance.MaxModule)); err != nil {
		return layout{}, err
	}
	if len(l.signature) > signature.MaxSize {
		return layout{}, fmt.Errorf("expected a signature of at most %d bytes in the annotation %s, found %d", signature.MaxSize, SignatureAnnotation, len(l.signature))
	}
	l.created, _ = time.Parse(time.RFC3339, m.Annotations[ocispec.AnnotationCreated]) // information only
	return l, nil
}

func checkDescriptor(what string, d ocispec.Descriptor, limit int64) error {
	if err := d.Digest.Validate(); err != nil {
		return fmt.Errorf("the digest of the %s: %w", what, err)
	}
	if d.Size < 0 || d.Size > limit {
		return fmt.Errorf("expected a %s of at most %d bytes, found %d; strip the guest's debug sections (clang: -Wl,--strip-debug; Rust: strip = true; wasm-tools strip)", what, limit, d.Size)
	}
	return nil
}

// checkConfig checks a config against the layer of its manifest. Other tools leave
// fields out.
func checkConfig(data []byte, layer ocispec.Descriptor) error {
	var c config
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("expected a config in JSON: %w", err)
	}
	switch {
	case c.Architecture != "" && c.Architecture != "wasm":
		return fmt.Errorf("expected the architecture wasm in the config, found %.100q", c.Architecture)
	case c.OS != "" && c.OS != "wasip1":
		return fmt.Errorf("expected a module, for the os wasip1, in the config, found %.100q; guests are modules, not components", c.OS)
	case c.LayerDigests != nil && (len(c.LayerDigests) != 1 || c.LayerDigests[0] != layer.Digest.String()):
		return fmt.Errorf("expected the layer %s in layerDigests of the config, found %.300s; push the guest again", layer.Digest, strings.Join(c.LayerDigests, ", "))
	}
	return nil
}
