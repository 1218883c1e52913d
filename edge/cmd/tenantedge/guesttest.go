package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/cases"
)

func guestTestCommand() *cobra.Command {
	var o guestTestOptions
	c := &cobra.Command{
		Use:   "test GUEST.wasm [CASES...]",
		Short: "Test a guest with files of cases",
		Long: text(`
			test asks a guest for decisions and compares them with the expected ones. The
			guest runs in the host that serves requests; a directory in memory and answers to
			queries come from the files of cases, which are YAML or JSON:

			  tenants:
			    - {id: 1, schema: acme, domains: [{domain: acme.example.com}]}
			  cases:
			    - name: a tenant's domain
			      request: GET http://acme.example.com/
			      expect: {outcome: tenant, schema: acme}

			https://github.com/tenantedge/tenantedge/blob/main/edge/cmd/tenantedge/CASES.md
			describes them.

			With --budget, the exact fuel of each case is recorded in a file, if it does not
			exist, and compared with it otherwise. Fuel is the same on every machine: a case
			that costs more than recorded fails. Record a wanted change with --update.

			With --conformance, the guest answers the cases that the built-in guest agrees
			with, and the report has the number of agreements for each operation. A custom
			guest need not agree in all: --conformance=route,cache_key names the operations
			that must, --conformance=exported those that the guest exports, and
			--conformance=none only reports.

			The exit status is 1 if a case fails or costs more than its budget.
		`),
		Example: text(`
			  tenantedge guest test guest.wasm cases.yaml
			  tenantedge guest test guest.wasm cases/*.yaml --budget fuel.json
			  tenantedge guest test guest.wasm --conformance
		`),
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usagef("guest test: expected GUEST.wasm, found no arguments")
			case len(args) == 1 && o.conformance == "":
				return usagef("guest test: expected a file of cases or --conformance, found neither")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return o.run(c.Context(), args[0], args[1:], c.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&o.budget, "budget", "", "`FILE` with the fuel of each case, to check or to record")
	f.BoolVar(&o.update, "update", false, "record the fuel in the file of --budget even if it exists")
	f.StringVar(&o.conformance, "conformance", "", "run the cases of the built-in guest; `OPERATIONS` that must agree: all, exported, none, or their names")
	f.Lookup("conformance").NoOptDefVal = conformAll
	f.BoolVar(&o.json, "json", false, "write the results as JSON")
	return c
}

type guestTestOptions struct {
	budget      string
	update      bool
	conformance string
	json        bool
}

// guestTestReport is what guest test finds. It is the output of --json.
type guestTestReport struct {
	Cases       int            `json:"cases"`
	Failed      int            `json:"failed"`
	Results     []cases.Result `json:"results"`
	Budget      []cases.Change `json:"budget,omitempty"`
	Recorded    string         `json:"recorded,omitempty"` // file in which the budget was recorded
	Conformance []conformance  `json:"conformance,omitempty"`
	OverBudget  int            `json:"over_budget"` // cases that cost more than recorded
	NotRecorded bool           `json:"-"`           // the budget, since a case failed
}

func (o *guestTestOptions) run(ctx context.Context, guest string, paths []string, stdout io.Writer) error {
	if o.update && o.budget == "" {
		return usagef("guest test: expected --budget FILE with --update, found none")
	}
	must, err := o.mustAgree()
	if err != nil {
		return err
	}
	wasm, err := readGuest(ctx, guest, artifact.Options{})
	if err != nil {
		return fmt.Errorf("expected a guest: %w", err)
	}
	files, err := loadCases(paths)
	if err != nil {
		return err
	}
	var r guestTestReport
	for _, f := range files {
		results, _, err := runCases(ctx, wasm, f)
		if err != nil {
			return err
		}
		r.Results = append(r.Results, results...)
	}
	r.count()
	if o.budget != "" {
		if err := o.checkBudget(&r); err != nil {
			return err
		}
	}
	if o.conformance != "" {
		if err := o.conform(ctx, wasm, must, &r); err != nil {
			return err
		}
	}
	if o.json {
		enc := newEncoder(stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err = enc.Encode(&r)
	} else {
		err = o.print(stdout, &r)
	}
	return errors.Join(err, r.verdict())
}

// loadCases reads files of cases. Names must be unique, since they identify the
// cases of a budget.
func loadCases(paths []string) (files []*cases.File, err error) {
	first := map[string]string{}
	var errs []error
	for _, path := range paths {
		f, err := cases.Load(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for i := range f.Cases {
			c := &f.Cases[i]
			at := fmt.Sprintf("%s:%d", c.File, c.Line)
			if before, taken := first[c.Name]; taken {
				errs = append(errs, fmt.Errorf("%s: expected each name once in all files, found %q again, first at %s; change one of them", at, c.Name, before))
			}
			first[c.Name] = at
		}
		files = append(files, f)
	}
	return files, errors.Join(errs...)
}

// runCases runs the cases of a file. It also returns the optional exports that the
// guest lacks.
func runCases(ctx context.Context, wasm []byte, f *cases.File) (results []cases.Result, missing []string, err error) {
	h, err := cases.Open(ctx, wasm, f)
	if f.Rejects != "" {
		results = []cases.Result{f.Rejection(err)}
		if err == nil {
			err = h.Close()
		} else {
			err = nil
		}
		return results, nil, err
	}
	if err != nil {
		return nil, nil, err
	}
	missing = h.Host.Stats().Missing
	for i := range f.Cases {
		if ctx.Err() != nil {
			return nil, nil, errors.Join(ctx.Err(), h.Close())
		}
		results = append(results, h.Case(ctx, &f.Cases[i]))
	}
	return results, missing, h.Close()
}

func (r *guestTestReport) count() {
	r.Cases = len(r.Results)
	for i := range r.Results {
		if !r.Results[i].Passed() {
			r.Failed++
		}
	}
}

// checkBudget compares the fuel with that of the budget, or records it.
func (o *guestTestOptions) checkBudget(r *guestTestReport) error {
	found := cases.BudgetOf(r.Results)
	recorded, err := cases.LoadBudget(o.budget)
	switch {
	// --update replaces a budget, but no other file.
	case errors.Is(err, fs.ErrNotExist), o.update && (err == nil || errors.Is(err, cases.ErrFuelVersion)):
		if r.Failed > 0 {
			r.NotRecorded = true
			return nil
		}
		if recorded != nil {
			r.Budget = recorded.Compare(found)
		}
		r.Recorded = o.budget
		return found.Save(o.budget)
	case err != nil:
		return err
	}
	r.Budget = recorded.Compare(found)
	for _, c := range r.Budget {
		if c.Kind == cases.More {
			r.OverBudget++
		}
	}
	return nil
}

// verdict returns an error if the guest does not pass.
func (r *guestTestReport) verdict() error {
	var failed []string
	if r.Failed > 0 {
		failed = append(failed, plural(r.Failed, "case")+" failed")
	}
	if r.OverBudget > 0 {
		failed = append(failed, plural(r.OverBudget, "case")+" cost more fuel than the budget has")
	}
	for _, c := range r.Conformance {
		if c.Required && c.Agree < c.Of {
			failed = append(failed, fmt.Sprintf("%s does not conform", c.Op))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return errors.New("guest test: " + strings.Join(failed, ", "))
}

func (o *guestTestOptions) print(stdout io.Writer, r *guestTestReport) error {
	buffered := bufio.NewWriter(stdout)
	out := terminal{buffered}
	for i := range r.Results {
		if !r.Results[i].Passed() {
			printResult(out, &r.Results[i])
		}
	}
	for _, c := range r.Budget {
		printChange(out, c)
	}
	switch {
	case r.Recorded != "":
		fmt.Fprintf(out, "The fuel of %s is recorded in %s.\n", plural(r.Cases, "case"), r.Recorded)
	case r.NotRecorded:
		fmt.Fprintln(out, "No fuel is recorded: expected all cases to pass.")
	}
	if r.Cases > 0 {
		fmt.Fprintf(out, "%s: %d passed, %d failed\n", plural(r.Cases, "case"), r.Cases-r.Failed, r.Failed)
	}
	printConformance(out, r.Conformance)
	return buffered.Flush()
}

// printResult writes a failed case with a table of its differences.
func printResult(out io.Writer, r *cases.Result) {
	at := r.File
	if r.Line > 0 {
		at = fmt.Sprintf("%s:%d", r.File, r.Line)
	}
	fmt.Fprintf(out, "%s: %s (%s)\n", at, r.Name, r.Op)
	rows := [][3]string{{"field", "expected", "found"}}
	for _, d := range r.Differences {
		found, more, _ := strings.Cut(d.Found, "\n") // an error may have a stack trace
		if more != "" {
			r.Notes = append(strings.Split(more, "\n"), r.Notes...)
		}
		rows = append(rows, [3]string{d.Field, orNone(d.Expected), orNone(found)})
	}
	printTable(out, rows)
	for _, note := range r.Notes {
		if strings.HasPrefix(note, "guest: ") { // the host joins the lines that a guest prints
			note = strings.ReplaceAll(note, " | ", "\n      ")
		}
		fmt.Fprintf(out, "    %s\n", note)
	}
}

// printTable aligns columns. The last one may be long, so it is not measured.
func printTable(out io.Writer, rows [][3]string) {
	var width [2]int
	for _, row := range rows {
		for i := range width {
			width[i] = max(width[i], len([]rune(row[i])))
		}
	}
	for _, row := range rows {
		fmt.Fprintf(out, "    %-*s  %-*s  %s\n", width[0], row[0], width[1], row[1], row[2])
	}
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func printChange(out io.Writer, c cases.Change) {
	switch c.Kind {
	case cases.More:
		fmt.Fprintf(out, "fuel: %s: %d units, %d more than recorded: %d (%+.1f %%)\n", c.Name, c.Found, c.Found-c.Recorded, c.Recorded, c.Percent)
	case cases.Less:
		fmt.Fprintf(out, "fuel: %s: %d units, %d less than recorded: %d (%+.1f %%)\n", c.Name, c.Found, c.Recorded-c.Found, c.Recorded, c.Percent)
	case cases.New:
		fmt.Fprintf(out, "fuel: %s: %d units; the case is not in the budget\n", c.Name, c.Found)
	case cases.Vanished:
		fmt.Fprintf(out, "fuel: %s: recorded %d units; there is no such case\n", c.Name, c.Recorded)
	}
}
