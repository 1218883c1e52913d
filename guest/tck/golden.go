package tck

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
)

//go:embed golden.json
var golden []byte

// Golden is the suites that hold for the rules of package tenancy.
func Golden() ([]Suite, error) { return Parse(golden) }

// Parse reads suites from JSON in the form of golden.json. An unknown key is
// an error.
func Parse(raw []byte) ([]Suite, error) {
	var suites []Suite
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&suites); err != nil {
		return nil, fmt.Errorf("tck: %w", err)
	}
	return suites, nil
}
