package config

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Guest is the Wasm module that decides.
type Guest struct {
	// Path is the file of the module, which is reloaded when it changes; empty: the
	// built-in router.
	Path string `key:"path,path"`
	// CompileCache is a folder that keeps compiled code for the next start; empty:
	// one in the user's cache folder, if the system has one.
	CompileCache string `key:"compile_cache,path"`
	// LastGood is a file that keeps the last guest from Path that was accepted, for
	// a start at which the guest is missing or refused; empty: a file in the compile
	// cache.
	LastGood string `key:"last_good,path"`
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
