package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
)

// guestName returns the name of a file without its folder and ending.
func guestName(named string) string {
	return strings.TrimSuffix(filepath.Base(named), ".wasm")
}

// keep sends a guest to one edge, or to the database of a fleet.
func (o *pushOptions) keep(ctx context.Context, out io.Writer, named string, g *artifact.Guest) error {
	f, err := o.target.open()
	if err != nil {
		return err
	}
	if f == nil {
		var kept fleet.Guest
		if err := o.target.admin.send(ctx, http.MethodPost, "/guests", g.Wasm, signatureHeader(g.Signature), &kept); err != nil {
			return err
		}
		_, err := fmt.Fprintf(terminal{out}, "pushed %s\n", kept.Digest)
		return err
	}
	defer f.close()
	digest, added, err := f.push(ctx, g, cmp.Or(o.name, guestName(named)), o.version)
	if err != nil {
		return err
	}
	state := "pushed"
	if !added {
		state = "was pushed before:"
	}
	_, err = fmt.Fprintf(out, "%s %s\n", state, digest)
	return err
}

// guestsListed is how many guests of a fleet are listed.
const guestsListed = 100

// listGuests returns the guests that were pushed to an edge or a fleet.
func listGuests(ctx context.Context, t *guestTarget) ([]fleet.Guest, error) {
	f, err := t.open()
	if err != nil {
		return nil, err
	}
	if f != nil {
		defer f.close()
		return f.store.Guests(ctx, guestsListed)
	}
	var guests []fleet.Guest
	err = t.admin.send(ctx, http.MethodGet, "/guests", nil, nil, &guests)
	return guests, err
}

func writeGuests(out io.Writer, guests []fleet.Guest) error {
	if len(guests) == 0 {
		_, err := fmt.Fprintln(out, "no guest was pushed")
		return err
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "DIGEST\tNAME\tVERSION\tBYTES\tSIGNED\tPUSHED\tBY\n")
	for _, g := range guests {
		signed := "no"
		if g.Signed {
			signed = "yes"
		}
		fmt.Fprintf(t, "%.12s\t%s\t%s\t%d\t%s\t%s\t%s\n", g.Digest, g.Name, g.Version, g.Size, signed, g.PushedAt.Local().Format(time.DateTime), g.PushedBy)
	}
	_ = t.Flush() // a Builder never fails
	_, err := io.WriteString(out, b.String())
	return err
}
