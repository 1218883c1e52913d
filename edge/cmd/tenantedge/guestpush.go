package main

import (
	"cmp"
	"context"
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
	f.BoolVar(&r.plainHTTP, "plain-http", false, "use HTTP without TLS; a registry on this machine is always reached so")
}

func (r *registryFlags) options() artifact.Options {
	return artifact.Options{CAFile: r.ca, PlainHTTP: r.plainHTTP}
}

// pushOptions are the flags of guest push.
type pushOptions struct {
	target    guestTarget
	signature string
	name      string
	version   string
}

func guestPushCommand() *cobra.Command {
	var o pushOptions
	c := &cobra.Command{
		Use:   "push GUEST.wasm [oci://REGISTRY/NAME:TAG]",
		Short: "Store a guest where edges get it",
		Long: text(`
			push stores a guest, with the signature in GUEST.wasm.minisig if there is one. It
			changes nothing that runs: guest rollout does.

			With a reference, it stores the guest in an OCI registry, as an artifact in the layout
			of the CNCF for Wasm, and prints the reference with its digest, which guest rollout
			and guest.path of a configuration take. The credentials are those of docker login or
			oras login. The guest may be in a registry too, so that push copies it from one to
			another.

			Without a reference, it keeps the guest for guest rollout, which finds it by its
			digest: in the database of a fleet, where it cannot be changed, or on one edge, which
			keeps the last 16 in memory until it ends.
		`) + targetHelp,
		Example: text(`
			  tenantedge guest push guest.wasm oci://registry.example.com/guests/router:v1
			  tenantedge guest push oci://staging.example.com/router:v1 oci://registry.example.com/guests/router:v1

			  tenantedge guest push guest.wasm -c tenantedge.yaml   # a fleet
			  tenantedge guest rollout 3f2a51c09b7e -c tenantedge.yaml
		`),
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return exactArgs("GUEST.wasm", "the target oci://REGISTRY/NAME:TAG")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.run(c.Context(), c.OutOrStdout(), args); err != nil {
				return fmt.Errorf("guest push: %w", err)
			}
			return nil
		},
	}
	o.target.add(c)
	o.target.admin.addReason(c)
	o.target.registry.add(c)
	f := c.Flags()
	f.StringVarP(&o.signature, "signature", "s", "", "`FILE` with the signature")
	f.StringVar(&o.name, "name", "", "`NAME` of the guest in a fleet's list; default: that of the file")
	f.StringVar(&o.version, "guest-version", "", "`VERSION` of the guest in a fleet's list")
	return c
}

func (o *pushOptions) run(ctx context.Context, out io.Writer, args []string) error {
	if len(args) == 2 && (o.target.config != "" || o.target.fleet != "") {
		return usagef("expected a registry, or a fleet (--config, --fleet), found both; remove one")
	}
	guest, err := readNamed(ctx, args[0], o.signature, o.target.registry.options())
	if err != nil {
		return err
	}
	if len(args) == 2 {
		return pushToRegistry(ctx, out, guest, args[1], o.target.registry.options())
	}
	return o.keep(ctx, out, args[0], &guest)
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
	var t guestTarget
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [oci://REGISTRY/NAME]",
		Short: "List stored guests",
		Long: text(`
			list shows the guests that guest push has stored. Of a registry, it shows those that a
			repository has under tags: the digest for guest.path, the size of the module, when it
			was made, and the ID of the key that its signature names. Without a repository, it
			shows those in the database of a fleet, or on one edge. The signatures are not
			verified; guest verify does that.
		`) + targetHelp,
		Example: text(`
			  tenantedge guest list oci://registry.example.com/guests/router
			  tenantedge guest list oci://registry.example.com/guests/router --json | jq -r .[].digest

			  tenantedge guest list -c tenantedge.yaml   # a fleet
		`),
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return exactArgs("the repository oci://REGISTRY/NAME")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := list(c.Context(), c.OutOrStdout(), args, &t, asJSON); err != nil {
				return fmt.Errorf("guest list: %w", err)
			}
			return nil
		},
	}
	t.add(c)
	t.registry.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "write a JSON array")
	return c
}

func list(ctx context.Context, out io.Writer, args []string, t *guestTarget, asJSON bool) error {
	if len(args) == 1 {
		if t.config != "" || t.fleet != "" {
			return usagef("expected a registry, or a fleet (--config, --fleet), found both; remove one")
		}
		guests, err := listRegistry(ctx, args[0], t.registry.options())
		if err != nil {
			return err
		}
		return writeListed(out, guests, asJSON)
	}
	guests, err := listGuests(ctx, t)
	switch {
	case err != nil:
		return err
	case asJSON:
		return writeIndented(out, guests)
	}
	return writeGuests(terminal{out}, guests)
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
		enc := newEncoder(out)
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
