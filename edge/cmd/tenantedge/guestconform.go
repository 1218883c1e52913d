package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/cases"
)

// Values of --conformance, besides operations.
const (
	conformAll      = "all"
	conformExported = "exported"
	conformNone     = "none"
)

// conformance is how many golden cases of an operation the guest agrees with.
type conformance struct {
	Op       string         `json:"op"`
	Export   string         `json:"export"`
	Exported bool           `json:"exported"` // else the host answers by default
	Required bool           `json:"required"`
	Agree    int            `json:"agree"`
	Of       int            `json:"of"`
	Differ   []cases.Result `json:"differ,omitempty"`
}

// mustAgree returns the operations that --conformance names.
func (o *guestTestOptions) mustAgree() (ops []string, err error) {
	switch o.conformance {
	case "", conformAll, conformExported, conformNone:
		return nil, nil
	}
	for op := range strings.SplitSeq(o.conformance, ",") {
		if _, ok := cases.Exports[op]; !ok {
			return nil, usagef("guest test: --conformance: expected all, exported, none or some of %s, found %q", strings.Join(cases.Ops(), ", "), op)
		}
		ops = append(ops, op)
	}
	return ops, nil
}

// conform runs the golden cases.
func (o *guestTestOptions) conform(ctx context.Context, wasm []byte, must []string, r *guestTestReport) error {
	golden, err := cases.Golden()
	if err != nil {
		return err
	}
	byOp := map[string]*conformance{}
	for _, f := range golden {
		results, missing, err := runCases(ctx, wasm, f)
		if err != nil {
			results = f.Refused(err)
		}
		for _, result := range results {
			c := byOp[result.Op]
			if c == nil {
				export := cases.Exports[result.Op]
				c = &conformance{Op: result.Op, Export: export, Exported: !slices.Contains(missing, export)}
				byOp[result.Op] = c
			}
			if c.Of++; result.Passed() {
				c.Agree++
			} else {
				c.Differ = append(c.Differ, result)
			}
		}
	}
	for _, op := range cases.Ops() {
		if c := byOp[op]; c != nil {
			c.Required = o.conformance == conformAll || o.conformance == conformExported && c.Exported || slices.Contains(must, op)
			r.Conformance = append(r.Conformance, *c)
		}
	}
	return nil
}

func printConformance(out io.Writer, all []conformance) {
	if len(all) == 0 {
		return
	}
	rows := [][3]string{{"operation", "agree", ""}}
	for _, c := range all {
		if c.Required {
			for i := range c.Differ {
				printResult(out, &c.Differ[i])
			}
		}
		note := ""
		switch {
		case !c.Exported:
			note = "the host's default: the guest has no " + c.Export
		case !c.Required:
			note = "not required"
		}
		rows = append(rows, [3]string{c.Op, fmt.Sprintf("%d of %d", c.Agree, c.Of), note})
	}
	fmt.Fprintln(out, "conformance with the built-in guest:")
	printTable(out, rows)
}
