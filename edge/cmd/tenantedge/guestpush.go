package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/signature"
)

// registryFlags say how to reach a registry.
type registryFlags struct {
	ca        string
	plainHTTP bool
}

func (r *registryFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&r.ca, "registry-ca", "", "`FILE` with certificates of the registry's authority, PEM, besides those of the system")
	f.BoolVar(&r.plainHTTP, "plain-http", false, "reach the registry by HTTP without TLS; one on this machine is anyway")
}

func (r *registryFlags) options() artifact.Options {
	return artifact.Options{CAFile: r.ca, PlainHTTP: r.plainHTTP}
}

func guestPushCommand() *cobra.Command {
	var registry registryFlags
	var from string
	c := &cobra.Command{
		Use:   "push GUEST.wasm oci://REGISTRY/NAME:TAG",
		Short: "Store a guest where edges get it",
		Long: text(`
			push stores a guest in an OCI registry, as an artifact in the layout of the CNCF for
			Wasm, and prints the reference with its digest, which guest.path of a configuration
			takes. The signature in GUEST.wasm.minisig is stored with it, if there is one.

			The credentials are those of docker login or oras login. The guest may be in a
			registry too, so that push copies it from one to another.
		`),
		Example: text(`
			  tenantedge guest push guest.wasm oci://registry.example.com/guests/router:v1
			  tenantedge guest push oci://staging.example.com/router:v1 oci://registry.example.com/guests/router:v1
		`),
		Args: exactArgs("GUEST.wasm", "the target oci://REGISTRY/NAME:TAG"),
		RunE: func(c *cobra.Command, args []string) error {
			guest, err := readSigned(c.Context(), args[0], from, registry.options())
			if err == nil {
				err = checkModule(args[0], guest.Wasm)
			}
			if err == nil {
				err = pushToRegistry(c.Context(), c.OutOrStdout(), guest, args[1], registry.options())
			}
			if err != nil {
				return fmt.Errorf("guest push: %w", err)
			}
			return nil
		},
	}
	registry.add(c)
	c.Flags().StringVarP(&from, "signature", "s", "", "`FILE` with the signature")
	return c
}

func pushToRegistry(ctx context.Context, out io.Writer, guest artifact.Guest, target string, o artifact.Options) error {
	ref, err := artifact.Parse(target)
	if err != nil {
		return err
	}
	if len(guest.Signature) > 0 { // edges would refuse it
		if _, err := signature.KeyID(guest.Signature); err != nil {
			return err
		}
	}
	digest, err := artifact.Push(ctx, ref, guest, o)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, ref.WithDigest(digest))
	return err
}

func guestListCommand() *cobra.Command {
	var registry registryFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "list oci://REGISTRY/NAME",
		Short: "List stored guests",
		Long: text(`
			list shows the guests that a repository of an OCI registry has under tags: the digest
			for guest.path, the size of the module, when it was made, and the ID of the key that
			its signature names. The signatures are not verified; guest verify does that.
		`),
		Example: text(`
			  tenantedge guest list oci://registry.example.com/guests/router
			  tenantedge guest list oci://registry.example.com/guests/router --json | jq -r .[].digest
		`),
		Args: exactArgs("the repository oci://REGISTRY/NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			guests, err := listRegistry(c.Context(), args[0], registry.options())
			if err == nil {
				err = writeListed(c.OutOrStdout(), guests, asJSON)
			}
			if err != nil {
				return fmt.Errorf("guest list: %w", err)
			}
			return nil
		},
	}
	registry.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "write a JSON array")
	return c
}

// listedGuest is a line of guest list.
type listedGuest struct {
	Name     string `json:"name"`                // of the tag
	Digest   string `json:"digest,omitempty"`    // of the manifest
	Guest    string `json:"guest,omitempty"`     // digest of the module
	Bytes    int64  `json:"bytes,omitempty"`     // of the module
	Created  string `json:"created,omitempty"`   // RFC 3339
	SignedBy string `json:"signed_by,omitempty"` // ID of a key, not verified
	Error    string `json:"error,omitempty"`     // why it is no guest
}

func listRegistry(ctx context.Context, repository string, o artifact.Options) ([]listedGuest, error) {
	ref, err := artifact.Parse(repository)
	if err != nil {
		return nil, err
	}
	if ref.Tag != "" || ref.Digest != "" {
		return nil, usagef("expected a repository such as %s, found a tag or a digest; remove it", ref.Name())
	}
	entries, err := artifact.List(ctx, ref, o)
	if err != nil {
		return nil, err
	}
	guests := make([]listedGuest, 0, len(entries))
	for _, e := range entries {
		g := listedGuest{Name: e.Tag, Digest: e.Digest, Guest: e.Guest, Bytes: e.Size}
		if !e.Created.IsZero() {
			g.Created = e.Created.UTC().Format(time.RFC3339)
		}
		switch {
		case e.Err != nil:
			g.Error = e.Err.Error()
		case len(e.Signature) > 0:
			id, err := signature.KeyID(e.Signature)
			if g.SignedBy = id; err != nil {
				g.Error = "the signature: " + err.Error()
			}
		}
		guests = append(guests, g)
	}
	return guests, nil
}

func writeListed(out io.Writer, guests []listedGuest, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(guests)
	}
	table := tabwriter.NewWriter(terminal{out}, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TAG\tDIGEST\tBYTES\tCREATED\tSIGNED BY")
	for _, g := range guests {
		if g.Error != "" {
			fmt.Fprintf(table, "%s\t%s\t%s\n", g.Name, cmp.Or(g.Digest, "-"), g.Error)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", g.Name, g.Digest, thousands(int(g.Bytes)), cmp.Or(g.Created, "-"), cmp.Or(g.SignedBy, "-"))
	}
	return table.Flush()
}
