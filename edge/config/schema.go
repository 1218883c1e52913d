package config

import _ "embed"

//go:embed schema.json
var schemaJSON []byte

// Schema returns the JSON schema (draft 2020-12) of the file, which editors use to
// complete keys and to show mistakes. It knows the keys, the types and the texts of
// REFERENCE.md. Parse also checks what depends on several keys.
func Schema() []byte { return append([]byte(nil), schemaJSON...) }
