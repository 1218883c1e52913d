package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"

	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/signature"
)

// Guest is the Wasm module that decides.
type Guest struct {
	// Path is the file of the module, which is reloaded when it changes, or its
	// reference in an OCI registry; empty: the built-in router.
	Path string `key:"path,guest"`
	// Registry says how to reach the registry of Path.
	Registry Registry `key:"registry"`
	// CompileCache is a folder that keeps compiled code for the next start; empty:
	// one in the user's cache folder, if the system has one.
	CompileCache string `key:"compile_cache,path"`
	// LastGood is a file that keeps the last guest from Path that was accepted, for
	// a start at which the guest is missing or refused; empty: a file in the compile
	// cache.
	LastGood string `key:"last_good,path"`
	// TrustedKeys are public keys of minisign that verify the signatures of guests;
	// empty: signatures are not verified.
	TrustedKeys []string `key:"trusted_keys"`
	// RequireSignature refuses guests without a signature. Without it, a signature
	// that is there must still be valid.
	RequireSignature bool `key:"require_signature"`
	// Signature is the file with the signature of Path; empty: the path with
	// ".minisig" added.
	Signature string `key:"signature,path"`
}

// Registry says how to reach an OCI registry.
type Registry struct {
	// CAFile has certificates, PEM, of authorities that are trusted besides those of
	// the system.
	CAFile string `key:"ca_file,path"`
	// PlainHTTP uses HTTP without TLS.
	PlainHTTP bool `key:"plain_http"`
}

// guestKeys are the keys of the file that hold a field of abi.Config as it is. They
// have the names of its json tags; the values are the checks of scalars. The
// document has the other fields: tenants, ws_urlconfs and guest.settings.
var guestKeys = map[string]string{
	"compat":             "one=hardened|strict",
	"routers":            "one=domain|header|session",
	"conflicts":          "one=refuse|last-wins",
	"tenant_header":      "header",
	"tenant_session_key": "nonempty",
}

// guestSection is the section guest: a Guest, and the settings of an abi.Config.
type guestSection struct {
	Guest
	Settings JSON `key:"settings"`
}

func (g *guestSection) decode(v value) {
	found := v.object(g)
	keys, given := found["trusted_keys"]
	for i := range g.TrustedKeys {
		// An error is about the last key, since those before it have none.
		if _, err := signature.ParseKeys(g.TrustedKeys[:i+1]); err != nil {
			value{v.d, keys.n.items[i], keys.p.item(i)}.fail("%v", err)
			break
		}
	}
	switch require, ok := found["require_signature"]; {
	case !ok:
		g.RequireSignature = len(g.TrustedKeys) > 0
	case g.RequireSignature && len(g.TrustedKeys) == 0 && (!given || keys.n.kind == kindList):
		require.fail("expected trusted_keys, which verify signatures, found none; add the public keys of those who sign guests")
	}
	s, signature := found["signature"]
	if signature && !given {
		s.fail("expected trusted_keys, which verify the signature, found none; add the public keys of those who sign guests")
	}
	if signature && artifact.IsReference(g.Path) {
		s.fail("expected a path in guest.path, found a reference; its signature is in the registry: remove this key")
	}
}

// SignaturePath returns the file with the signature of Path, which defaults to the
// path with ".minisig" added. A guest in a registry has none.
func (g Guest) SignaturePath() string {
	if artifact.IsReference(g.Path) {
		return ""
	}
	return cmp.Or(g.Signature, g.Path+signature.Suffix)
}

// JSON is any value of a file, as JSON.
type JSON json.RawMessage

func (j *JSON) decode(v value) {
	var b bytes.Buffer
	v.json(&b)
	*j = b.Bytes()
}

func (v value) json(b *bytes.Buffer) {
	switch v.n.kind {
	case kindNull:
		b.WriteString("null")
	case kindBool:
		b.WriteString(v.n.text)
	case kindString:
		writeJSONString(b, v.n.text)
	case kindInt, kindFloat:
		v.jsonNumber(b)
	case kindList:
		b.WriteByte('[')
		for i := range v.n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			v.item(i).json(b)
		}
		b.WriteByte(']')
	case kindMapping:
		b.WriteByte('{')
		for i, kv := range v.n.pairs {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSONString(b, kv.key.text)
			b.WriteByte(':')
			value{v.d, kv.val, v.p.child(kv.key.text)}.json(b)
		}
		b.WriteByte('}')
	}
}

// jsonNumber keeps the text of a JSON number, so that no digit is lost, and
// converts other notations of YAML to decimal.
func (v value) jsonNumber(b *bytes.Buffer) {
	if json.Valid([]byte(v.n.text)) {
		b.WriteString(v.n.text)
		return
	}
	if n, err := strconv.ParseInt(v.n.text, 0, 64); err == nil {
		b.WriteString(strconv.FormatInt(n, 10))
		return
	}
	f, err := strconv.ParseFloat(v.n.text, 64)
	text, bad := json.Marshal(f)
	if err != nil || bad != nil {
		v.fail("expected a number that JSON can represent, found %s; put it in quotes", v.n.found())
		return
	}
	b.Write(text)
}

func writeJSONString(b *bytes.Buffer, s string) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // neither encoding a string nor a bytes.Buffer fails
	b.Truncate(b.Len() - 1)
}
