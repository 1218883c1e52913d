package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

func newFilesSign(o *fileOptions) *cobra.Command {
	var expires time.Duration
	var method string
	var isPath bool
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
		Args:    between("a name", 1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if expires <= 0 {
				return usagef("files sign: expected --expires above zero, found %v", expires)
			}
			g := storage.Grant{Method: strings.ToUpper(method), Expires: time.Now().Add(expires)}
			if err := signable(g.Method, isPath); err != nil {
				return err
			}
			if isPath && !strings.HasPrefix(args[0], "/") {
				return usagef("files sign: expected a path that begins with a slash, found %q", args[0])
			}
			return o.withTenant(c.Context(), func(t *openTenant) (err error) {
				if len(t.file.SigningKeys) == 0 {
					return fmt.Errorf("%s: signing_keys: expected a key to sign with, found none; add one", t.file.Name)
				}
				signer, err := serve.Signer(t.file)
				if err != nil {
					return err
				}
				location := (&url.URL{Path: args[0]}).EscapedPath()
				if !isPath {
					if location, err = backend.ExtrasOf(t.view).Linker.URL(c.Context(), args[0]); err != nil {
						return err
					}
				}
				g.Tenant = t.schema
				if g.Path, err = url.PathUnescape(location); err != nil {
					return err
				}
				_, err = fmt.Fprintln(c.OutOrStdout(), location+"?"+signer.Sign(g).Encode())
				return err
			})
		},
	}
	f := c.Flags()
	f.DurationVarP(&expires, "expires", "e", time.Hour, "how long the URL is valid, such as 90s or 24h")
	f.StringVarP(&method, "method", "m", http.MethodGet, "`METHOD` to allow: GET, HEAD, PUT or DELETE")
	f.StringVar(&o.folder, "folder", "", "`FOLDER` of the domain in which the tenant is reached")
	f.BoolVar(&isPath, "path", false, "NAME is the path of a URL")
	return c
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
