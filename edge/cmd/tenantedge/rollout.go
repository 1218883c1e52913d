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
	admin     adminClient
	registry  registryFlags
	signature string
	// trial has the flags that the edge knows as parameters.
	trial map[string]*string
	names []string // of trial, in the order of the help
	of    []string // schemas
}

func guestRolloutCommand() *cobra.Command {
	o := rolloutOptions{trial: map[string]*string{}}
	c := &cobra.Command{
		Use:   "rollout GUEST.wasm",
		Short: "Send a guest to a running edge, at once or as a trial",
		Long: text(`
			rollout sends a guest to the admin listener of an edge. Without flags for a trial, it
			replaces the guest that runs; guest rollback returns to that.

			With --shadow, the guest decides a share of the requests too, without effect. With
			--canary, --tenant or --header it decides for a share of the tenants, for tenants, or
			for requests with a header. guest status shows how its decisions differ, guest promote
			makes it the guest that runs, and guest abort ends the trial.

			A trial ends by itself when more than a share of the requests fails (--failures), is
			decided differently (--differences) or costs more than --fuel times as much
			(--costly), or when all together take more than --time times as long.

			The guest is a file, or in a registry: oci://registry/name:tag. The signature in
			GUEST.wasm.minisig or in the registry is sent too, if there is one.
		`),
		Example: text(`
			  export TENANTEDGE_TOKEN=…
			  tenantedge guest rollout new.wasm --shadow 10%
			  tenantedge guest status
			  tenantedge guest rollout new.wasm --canary 5% --differences 0 --reason 'ticket 42'
			  tenantedge guest promote
		`),
		Args: exactArgs("GUEST.wasm"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.run(c.Context(), c.OutOrStdout(), args[0]); err != nil {
				return fmt.Errorf("guest rollout: %w", err)
			}
			return nil
		},
	}
	o.admin.add(c)
	o.admin.addReason(c)
	o.registry.add(c)
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

func (o *rolloutOptions) run(ctx context.Context, out io.Writer, path string) error {
	found, err := readSigned(ctx, path, o.signature, o.registry.options())
	if err == nil {
		err = checkModule(path, found.Wasm)
	}
	if err != nil {
		return err
	}
	var header http.Header
	if len(found.Signature) > 0 {
		header = http.Header{"Tenantedge-Signature": {base64.StdEncoding.EncodeToString(found.Signature)}}
	}
	guest := found.Wasm
	query := url.Values{}
	for _, name := range o.names {
		if value := *o.trial[name]; value != "" {
			query.Set(name, value)
		}
	}
	for _, schema := range o.of {
		query.Add("tenant", schema)
	}
	if len(query) == 0 {
		return swapWith(ctx, out, &o.admin, http.MethodPut, "/guest", guest, header)
	}
	var c stats.Candidate
	if err := o.admin.send(ctx, http.MethodPut, "/guest/candidate?"+query.Encode(), guest, header, &c); err != nil {
		return err
	}
	return writeCandidate(terminal{out}, &c)
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
			runs and decides all requests. guest rollback returns to the one before.`)
}

func guestRollbackCommand() *cobra.Command {
	return guestChange("rollback", "/guest/rollback", "Return a running edge to the guest before", `
			rollback makes the previous guest run again, which is kept compiled. A second rollback
			undoes the first. A trial ends.`)
}

// guestChange returns a command that changes the guest that runs.
func guestChange(name, path, short, long string) *cobra.Command {
	var a adminClient
	c := &cobra.Command{
		Use:   name,
		Short: short,
		Long:  text(long),
		Example: text(fmt.Sprintf(`
			  tenantedge guest %[1]s
			  tenantedge guest %[1]s --admin https://edge1.internal:8081 --ca ca.pem --reason 'ticket 42'
		`, name)),
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := swapWith(c.Context(), c.OutOrStdout(), &a, http.MethodPost, path, nil, nil); err != nil {
				return fmt.Errorf("guest %s: %w", name, err)
			}
			return nil
		},
	}
	a.add(c)
	a.addReason(c)
	return c
}

func guestAbortCommand() *cobra.Command {
	var a adminClient
	c := &cobra.Command{
		Use:   "abort",
		Short: "End the trial of a candidate",
		Long: text(`
			abort ends the trial that guest rollout began, and prints what it has shown. The guest
			that runs decides all requests.
		`),
		Example: "  tenantedge guest abort --reason 'too slow'",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var candidate stats.Candidate
			if err := a.send(c.Context(), http.MethodDelete, "/guest/candidate", nil, nil, &candidate); err != nil {
				return fmt.Errorf("guest abort: %w", err)
			}
			return writeCandidate(terminal{c.OutOrStdout()}, &candidate)
		},
	}
	a.add(c)
	a.addReason(c)
	return c
}

func guestStatusCommand() *cobra.Command {
	var a adminClient
	c := &cobra.Command{
		Use:   "status",
		Short: "Show the guests of a running edge, and how a trial goes",
		Long: text(`
			status prints the guest that runs, the one before it and, during a trial, how many
			requests the candidate has decided, in what its decisions differ, and the last
			requests on which they do.
		`),
		Example: "  tenantedge guest status",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var h stats.Host
			if err := a.send(c.Context(), http.MethodGet, "/guest", nil, nil, &h); err != nil {
				return fmt.Errorf("guest status: %w", err)
			}
			return writeStatus(terminal{c.OutOrStdout()}, &h)
		},
	}
	a.add(c)
	return c
}
