package tck

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed golden.json
var golden []byte

// Golden returns the suites of golden.json, which guests that follow the rules of
// package tenancy pass.
func Golden() ([]Suite, error) { return Parse(golden) }

// Parse parses suites from JSON in the format of golden.json. An unknown key is an
// error.
func Parse(raw []byte) ([]Suite, error) {
	var suites []Suite
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&suites); err != nil {
		return nil, fmt.Errorf("tck: %w", err)
	}
	return suites, nil
}
