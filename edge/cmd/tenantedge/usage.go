package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/internal/accounting"
)

// usageOptions are the flags of usage.
type usageOptions struct {
	admin                    adminClient
	since, until, by, sortBy string
	tenants, prices          []string
	limit                    int
	json, csv                bool
}

func newUsage() *cobra.Command {
	o := usageOptions{}
	c := &cobra.Command{
		Use:   "usage [FILE]...",
		Short: "Report what tenants used, to bill or throttle them by",
		Long: text(`
			usage reports what each tenant used: requests, fuel and time of the guest, bytes,
			and the time of websockets and upstreams.

			It asks the admin listener of a running edge. With files, it adds up those that edges
			have written (usage.folder in the configuration); FILE may be such a folder. Name each
			file once: rows of several edges, and of the same one before and after a restart, add up.

			A request counts in the window in which it ends, a websocket in all in which it is open.
			--since and --until choose windows by their start. Times of the report are in UTC.

			With --price, each row has the sum of its figures times their prices, which are exact
			decimal numbers. Figures have the names of the columns of --csv, and requests is the
			number of all requests.
		`),
		Example: text(`
			  tenantedge usage --since 24h --sort fuel --limit 20
			  tenantedge usage --window hour --tenant acme
			  tenantedge usage --since 2026-11-01 --until 2026-12-01 --csv edge1/usage edge2/usage
			  tenantedge usage --price requests=0.000001 --price bytes_out=0.00000000008 ./usage
		`),
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.run(c, args); err != nil {
				return fmt.Errorf("usage: %w", err)
			}
			return nil
		},
	}
	o.admin.add(c)
	o.admin.tokenOptional, o.admin.maxAnswer, o.admin.lacks = true, 1<<30, "that counts the use of tenants (usage.enabled in its configuration)"
	f := c.Flags()
	f.StringVar(&o.since, "since", "", "`TIME` of the first window: 24h (before now), 2026-01-31 or 2026-01-31T12:00:00Z")
	f.StringVar(&o.until, "until", "", "`TIME` before which windows begin")
	f.StringVar(&o.by, "window", accounting.Total, "`LENGTH` of windows: total, day, hour or each")
	f.StringArrayVar(&o.tenants, "tenant", nil, "`SCHEMA` of a tenant; several may be given")
	f.StringVar(&o.sortBy, "sort", "", "`COLUMN` by which rows of a window are sorted, the largest first; default: by tenant")
	f.IntVar(&o.limit, "limit", 0, "`NUMBER` of rows of a window; 0: all")
	f.StringArrayVar(&o.prices, "price", nil, "`COLUMN=PRICE` of a unit; several may be given")
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.BoolVar(&o.csv, "csv", false, "print CSV")
	return c
}

func (o *usageOptions) run(c *cobra.Command, args []string) error {
	if o.json && o.csv {
		return usagef("expected --json or --csv, found both")
	}
	prices, err := parsePrices(o.prices)
	if err != nil {
		return err
	}
	q := accounting.Query{By: o.by, Tenants: o.tenants, Sort: o.sortBy, Limit: o.limit}
	if err := errors.Join(setTime(&q.Since, "since", o.since), setTime(&q.Until, "until", o.until), q.Check()); err != nil {
		return usagef("%v", err)
	}
	var r accounting.Report
	if len(args) > 0 {
		r, err = sumFiles(args, &q, c.ErrOrStderr())
	} else {
		r, err = o.ask(c.Context(), &q)
	}
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	switch {
	case o.csv:
		return r.WriteCSV(out, prices.column())
	case o.json:
		return writeUsageJSON(out, &r, prices)
	}
	return writeUsage(terminal{out}, &r, &q, prices)
}

func setTime(to *time.Time, flag, text string) error {
	t, err := accounting.ParseTime(text, time.Now())
	if err != nil {
		return fmt.Errorf("--%s: %w", flag, err)
	}
	*to = t
	return nil
}

// ask gets the report of a running edge.
func (o *usageOptions) ask(ctx context.Context, q *accounting.Query) (r accounting.Report, err error) {
	values := url.Values{"window": {q.By}, "tenant": q.Tenants, "sort": {q.Sort}, "limit": {strconv.Itoa(q.Limit)}}
	for name, t := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !t.IsZero() {
			values.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	err = o.admin.send(ctx, http.MethodGet, "/usage?"+values.Encode(), nil, nil, &r)
	return r, err
}

// sumFiles adds up the rows of files, and of the files in folders.
func sumFiles(args []string, q *accounting.Query, warnings io.Writer) (accounting.Report, error) {
	sum := accounting.NewSum(q)
	var seen []os.FileInfo
	for _, path := range args {
		names := []string{path}
		info, err := os.Stat(path)
		if err != nil {
			return accounting.Report{}, expected("a file that an edge has written to usage.folder, or that folder", err)
		}
		if info.IsDir() {
			if names, err = accounting.Files(path); err != nil {
				return accounting.Report{}, err
			}
			if len(names) == 0 {
				return accounting.Report{}, fmt.Errorf("expected files usage-*.jsonl in %s, found none", path)
			}
		}
		for _, name := range names {
			if seen, err = sumFile(sum, name, seen, warnings); err != nil {
				return accounting.Report{}, err
			}
		}
	}
	return sum.Report(), nil
}

func sumFile(sum *accounting.Sum, name string, seen []os.FileInfo, warnings io.Writer) ([]os.FileInfo, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	for _, other := range seen {
		if os.SameFile(info, other) {
			return nil, fmt.Errorf("expected each file once, found %s again; remove it, or its rows count twice", name)
		}
	}
	err = accounting.Read(file, sum.Add)
	if malformed := (*accounting.Malformed)(nil); errors.As(err, &malformed) {
		fmt.Fprintf(terminal{warnings}, "tenantedge: usage: %s: %v\n", name, err)
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return append(seen, info), nil
}

// pricedRow is a row with its cost.
type pricedRow struct {
	accounting.Row
	Cost string `json:"cost"`
}

func writeUsageJSON(out io.Writer, r *accounting.Report, prices prices) error {
	encoder := newEncoder(out)
	encoder.SetIndent("", "  ")
	if len(prices) == 0 {
		return encoder.Encode(r)
	}
	priced := struct {
		*accounting.Report
		Cost string      `json:"cost"`
		Rows []pricedRow `json:"rows"`
	}{Report: r, Cost: prices.of(&r.Total), Rows: []pricedRow{}}
	for i := range r.Rows {
		priced.Rows = append(priced.Rows, pricedRow{r.Rows[i], prices.of(&r.Rows[i].Usage)})
	}
	return encoder.Encode(priced)
}

// writeUsage prints a table.
func writeUsage(out io.Writer, r *accounting.Report, q *accounting.Query, prices prices) error {
	if len(r.Rows) == 0 {
		_, err := fmt.Fprintln(out, "no tenant used anything")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "requests\tfailed\tfuel\tguest\tin\tout\tupstream\twebsockets\t"
	if len(prices) > 0 {
		head += "cost\t"
	}
	line := func(start, tenant string, u *accounting.Usage) {
		if q.By != accounting.Total {
			fmt.Fprintf(w, "%s\t", start)
		}
		fmt.Fprintf(w, "%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t", u.Requests(), u.ServerError+u.Aborted, u.Fuel, seconds(u.GuestTime),
			size(u.BytesIn+u.WebsocketIn), size(u.BytesOut+u.WebsocketOut), seconds(u.UpstreamTime), seconds(u.WebsocketTime))
		if len(prices) > 0 {
			fmt.Fprintf(w, "%s\t", prices.of(u))
		}
		fmt.Fprintf(w, "  %s\n", tenant)
	}
	if q.By != accounting.Total {
		head = "start\t" + head
	}
	fmt.Fprintln(w, head+"  tenant")
	for i := range r.Rows {
		line(r.Rows[i].Start.Format("2006-01-02T15:04:05"), tenantName(&r.Rows[i]), &r.Rows[i].Usage)
	}
	line("", "(all)", &r.Total)
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s, from %s to %s\n", number(uint64(r.Tenants), "tenant", "tenants"), r.From.Format(time.RFC3339), r.To.Format(time.RFC3339))
	return err
}

// tenantName returns the tenant of a row for people, in one line.
func tenantName(r *accounting.Row) string {
	switch {
	case r.Tenant == "":
		return "(none)"
	case r.ID != "":
		return inLine(r.Tenant + " (" + r.ID + ")")
	}
	return inLine(r.Tenant)
}

// seconds returns a time in nanoseconds as seconds.
func seconds(ns uint64) string { return fmt.Sprintf("%.3f s", float64(ns)/1e9) }

// size returns a number of bytes with a unit.
func size(n uint64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/(1<<10), 0
	for value >= 1<<10 && unit < len(byteUnits)-1 {
		value, unit = value/(1<<10), unit+1
	}
	return fmt.Sprintf("%.1f %ciB", value, byteUnits[unit])
}

const byteUnits = "KMGTPE"
