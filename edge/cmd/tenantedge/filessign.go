package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// signOptions are the flags of files sign.
type signOptions struct {
	*fileOptions
	expires time.Duration
	method  string
	isPath  bool
}

func newFilesSign(files *fileOptions) *cobra.Command {
	o := signOptions{fileOptions: files}
	c := &cobra.Command{
		Use:   "sign NAME",
		Short: "Sign the URL of a file",
		Long: text(`
			sign prints the signed URL of a file, as a path with a query, for urlconfs with
			access signed. The URL is valid only for that tenant, file and method, until it
			expires. GET allows HEAD too. PUT allows resumable uploads (tus) too, whose requests
			have the methods POST, PATCH, HEAD and DELETE. The first of signing_keys signs.

			If the tenant is reached in a folder, pass --folder: the URL begins with it. With
			--path, the argument is not the name of a file but the path of a URL, decoded and
			including the folder, for urlconfs that serve a folder of files.
		`),
		Example: "  tenantedge files -c tenantedge.yaml -t acme sign reports/2026.pdf --expires 1h",
		Args:    argCount("a name", 1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			return o.sign(c.Context(), c.OutOrStdout(), args[0])
		},
	}
	f := c.Flags()
	f.DurationVarP(&o.expires, "expires", "e", time.Hour, "how long the URL is valid, such as 90s or 24h")
	f.StringVarP(&o.method, "method", "m", http.MethodGet, "`METHOD` to allow: GET, HEAD, PUT or DELETE")
	f.StringVar(&o.folder, "folder", "", "`FOLDER` of the domain in which the tenant is reached")
	f.BoolVar(&o.isPath, "path", false, "NAME is the path of a URL")
	return c
}

// sign writes the signed URL of a file of the tenant, or of a path.
func (o *signOptions) sign(ctx context.Context, out io.Writer, name string) error {
	if o.expires <= 0 {
		return usagef("files sign: expected --expires above zero, found %v", o.expires)
	}
	g := storage.Grant{Method: strings.ToUpper(o.method), Expires: time.Now().Add(o.expires)}
	if err := signable(g.Method, o.isPath); err != nil {
		return err
	}
	if o.isPath && !strings.HasPrefix(name, "/") {
		return usagef("files sign: expected a path that begins with a slash, found %q", name)
	}
	return o.withTenant(ctx, func(t *openTenant) error {
		if len(t.file.SigningKeys) == 0 {
			return fmt.Errorf("%s: signing_keys: expected a key to sign with, found none; add one", t.file.Name)
		}
		signer, err := serve.Signer(t.file)
		if err != nil {
			return err
		}
		location := (&url.URL{Path: name}).EscapedPath()
		if !o.isPath {
			if location, err = backend.ExtrasOf(t.view).Linker.URL(ctx, name); err != nil {
				return err
			}
		}
		g.Tenant = t.schema
		if g.Path, err = url.PathUnescape(location); err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, location+"?"+signer.Sign(g).Encode())
		return err
	})
}

// signable returns an error for methods for which no urlconf accepts a signature.
func signable(method string, isPath bool) error {
	switch method {
	case http.MethodGet, http.MethodHead:
		return nil
	case http.MethodPut, http.MethodDelete:
		if isPath {
			return usagef("files sign: expected GET or HEAD with --path, since a folder of files is read-only, found %s", method)
		}
		return nil
	case http.MethodPost, http.MethodPatch:
		return usagef("files sign: expected GET, HEAD, PUT or DELETE, found %s, for which no URL is signed; resumable uploads (tus) need PUT", method)
	}
	return usagef("files sign: expected GET, HEAD, PUT or DELETE, found %.50q", method)
}
