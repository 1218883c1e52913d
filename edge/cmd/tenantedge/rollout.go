package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// rolloutOptions are the flags of guest rollout.
type rolloutOptions struct {
	target    guestTarget
	wait      waitOptions
	signature string
	// trial has the flags that the edge knows as parameters.
	trial map[string]*string
	names []string // of trial, in the order of the help
	of    []string // schemas
}

func guestRolloutCommand() *cobra.Command {
	o := rolloutOptions{trial: map[string]*string{}}
	c := &cobra.Command{
		Use:   "rollout {GUEST.wasm | DIGEST | oci://REFERENCE}",
		Short: "Run a guest on an edge or on a fleet, at once or as a trial",
		Long: text(`
			rollout makes an edge or a fleet run a guest: a file, one that was pushed, by its
			digest or the beginning of that, or one in a registry. Without flags for a trial, it
			replaces the guest that runs; guest rollback returns to that.

			With --shadow, the guest decides a share of the requests too, without effect. With
			--canary, --tenant or --header it decides for a share of the tenants, for tenants, or
			for requests with a header. guest status shows how its decisions differ, guest promote
			makes it the guest that runs, and guest abort ends the trial.

			A trial ends by itself when more than a share of the requests fails (--failures), is
			decided differently (--differences) or costs more than --fuel times as much
			(--costly), or when all together take more than --time times as long. In a fleet, it
			ends on all edges when one of them exceeds a limit.

			The signature in GUEST.wasm.minisig, or in the registry, is sent too, if there is one.
		`) + targetHelp,
		Example: text(`
			  export TENANTEDGE_TOKEN=…
			  tenantedge guest rollout new.wasm --shadow 10%
			  tenantedge guest status
			  tenantedge guest rollout new.wasm --canary 5% --differences 0 --reason 'ticket 42'
			  tenantedge guest promote

			  tenantedge guest rollout new.wasm -c tenantedge.yaml --wait all   # a fleet
		`),
		Args: exactArgs("GUEST.wasm, DIGEST or oci://REFERENCE"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.run(c.Context(), c.OutOrStdout(), args[0]); err != nil {
				return fmt.Errorf("guest rollout: %w", err)
			}
			return nil
		},
	}
	o.target.add(c)
	o.target.addChange(c)
	o.wait.add(c)
	o.target.registry.add(c)
	f := c.Flags()
	f.StringVarP(&o.signature, "signature", "s", "", "`FILE` with the signature")
	f.StringArrayVar(&o.of, "tenant", nil, "`SCHEMA` of a tenant for which the guest decides; several may be given")
	for _, flag := range []struct{ name, usage string }{
		{"shadow", "`SHARE` of the requests that the guest decides too, such as 10%"},
		{"canary", "`SHARE` of the tenants for which the guest decides, such as 5%"},
		{"header", "header as `NAME: VALUE` that makes it decide a request"},
		{"failures", "tolerated `SHARE` of failures; default 0.1%"},
		{"differences", "tolerated `SHARE` of differences; default 100%"},
		{"costly", "tolerated `SHARE` of requests that cost more than --fuel; default 0.1%"},
		{"fuel", "`FACTOR` by which a request may cost more fuel; default 8"},
		{"time", "`FACTOR` by which all requests may take longer; default: no limit"},
	} {
		o.trial[flag.name] = f.String(flag.name, "", flag.usage)
		o.names = append(o.names, flag.name)
	}
	return c
}

func (o *rolloutOptions) run(ctx context.Context, out io.Writer, named string) error {
	query := url.Values{}
	for _, name := range o.names {
		if value := *o.trial[name]; value != "" {
			query.Set(name, value)
		}
	}
	for _, schema := range o.of {
		query.Add("tenant", schema)
	}
	f, err := o.target.open()
	if err != nil {
		return err
	}
	if f != nil {
		defer f.close()
		return f.rollout(ctx, out, named, o.signature, query, &o.wait)
	}
	if o.wait.nodes != "" {
		return usagef("--wait: expected a fleet (--config or --fleet), found one edge, whose answer is awaited anyway")
	}
	guest, header, err := o.body(ctx, named, query)
	if err != nil {
		return err
	}
	if len(query) == 0 || len(query) == 1 && query.Has("digest") {
		return swapWith(ctx, out, &o.target.admin, http.MethodPut, withQuery("/guest", query), guest, header)
	}
	var c stats.Candidate
	if err := o.target.admin.send(ctx, http.MethodPut, withQuery("/guest/candidate", query), guest, header, &c); err != nil {
		return err
	}
	return writeCandidate(terminal{out}, &c)
}

// body returns the guest to send to one edge, and the header with its signature. For a
// guest that was pushed, it adds the digest to query.
func (o *rolloutOptions) body(ctx context.Context, named string, query url.Values) ([]byte, http.Header, error) {
	if isDigest(named) {
		query.Set("digest", named)
		return nil, nil, nil
	}
	g, err := readNamed(ctx, named, o.signature, o.target.registry.options())
	if err != nil {
		return nil, nil, err
	}
	return g.Wasm, signatureHeader(g.Signature), nil
}

func withQuery(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// signatureHeader returns the header with a signature; nil: there is none.
func signatureHeader(signature []byte) http.Header {
	if len(signature) == 0 {
		return nil
	}
	return http.Header{"Tenantedge-Signature": {base64.StdEncoding.EncodeToString(signature)}}
}

// swapWith sends a request that changes the guest that runs, and prints which one
// does.
func swapWith(ctx context.Context, out io.Writer, admin *adminClient, method, path string, body []byte, header http.Header) error {
	var r edge.Report
	if err := admin.send(ctx, method, path, body, header, &r); err != nil {
		return err
	}
	state := "runs now"
	if r.Unchanged {
		state = "ran already"
	}
	_, err := fmt.Fprintf(terminal{out}, "%s %s; guest rollback returns to %s\n", describeGuest(r.Guest), state, describeGuest(r.Previous))
	return err
}

func guestPromoteCommand() *cobra.Command {
	return guestChange("promote", "/guest/promote", "Make the candidate the guest that runs", `
			promote ends the trial that guest rollout began: the candidate becomes the guest that
			runs and decides all requests. guest rollback returns to the one before.`, (*fleetClient).promote)
}

func guestRollbackCommand() *cobra.Command {
	return guestChange("rollback", "/guest/rollback", "Return to the guest before", `
			rollback makes the previous guest run again, which each edge keeps compiled. A second
			rollback undoes the first. A trial ends.`, (*fleetClient).rollback)
}

// guestChange returns a command that changes the guest that runs, of one edge by a
// request, of a fleet by change.
func guestChange(name, path, short, long string, change func(*fleetClient, context.Context, io.Writer, *waitOptions) error) *cobra.Command {
	var t guestTarget
	var wait waitOptions
	c := &cobra.Command{
		Use:   name,
		Short: short,
		Long:  text(long) + targetHelp,
		Example: text(fmt.Sprintf(`
			  tenantedge guest %[1]s
			  tenantedge guest %[1]s --admin https://edge1.internal:8081 --ca ca.pem --reason 'ticket 42'
			  tenantedge guest %[1]s -c tenantedge.yaml --wait all   # a fleet
		`, name)),
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return t.act(name, func(f *fleetClient) error {
				return change(f, c.Context(), c.OutOrStdout(), &wait)
			}, func(a *adminClient) error {
				return swapWith(c.Context(), c.OutOrStdout(), a, http.MethodPost, path, nil, nil)
			})
		},
	}
	t.add(c)
	t.addChange(c)
	wait.add(c)
	return c
}

func guestAbortCommand() *cobra.Command {
	var t guestTarget
	var wait waitOptions
	c := &cobra.Command{
		Use:   "abort",
		Short: "End the trial of a candidate",
		Long: text(`
			abort ends the trial that guest rollout began, and prints what it has shown. The guest
			that runs decides all requests.
		`) + targetHelp,
		Example: "  tenantedge guest abort --reason 'too slow'",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return t.act("abort", func(f *fleetClient) error {
				return f.abort(c.Context(), c.OutOrStdout(), &wait)
			}, func(a *adminClient) error {
				var candidate stats.Candidate
				if err := a.send(c.Context(), http.MethodDelete, "/guest/candidate", nil, nil, &candidate); err != nil {
					return err
				}
				return writeCandidate(terminal{c.OutOrStdout()}, &candidate)
			})
		},
	}
	t.add(c)
	t.addChange(c)
	wait.add(c)
	return c
}

func guestStatusCommand() *cobra.Command {
	var t guestTarget
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show the guests of an edge or of a fleet, and how a trial goes",
		Long: text(`
			status prints the guest that runs, the one before it and, during a trial, how many
			requests the candidate has decided, in what its decisions differ, and the last
			requests on which they do. Of a fleet it prints the newest rollouts and the edges,
			with what they run and why they do not run something else.
		`) + targetHelp,
		Example: text(`
			  tenantedge guest status
			  tenantedge guest status -c tenantedge.yaml   # a fleet
		`),
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return t.act("status", func(f *fleetClient) error {
				return f.status(c.Context(), c.OutOrStdout(), asJSON)
			}, func(a *adminClient) error {
				var h stats.Host
				if err := a.send(c.Context(), http.MethodGet, "/guest", nil, nil, &h); err != nil {
					return err
				}
				if asJSON {
					return writeIndented(c.OutOrStdout(), &h)
				}
				return writeStatus(terminal{c.OutOrStdout()}, &h)
			})
		},
	}
	t.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
