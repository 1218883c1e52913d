package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/edge/storage/object"
)

// fileOptions select the files of one tenant.
type fileOptions struct{ config, location, tenant, folder string }

func newFiles() *cobra.Command {
	o := new(fileOptions)
	c := group(&cobra.Command{
		Use:   "files",
		Short: "List, store, fetch and remove the files of a tenant, and sign URLs",
		Long: text(`
			files works on the files of one tenant. They are where an application finds them:
			in the folder that the guest names, below the location or in the bucket of the
			configuration. Names cannot lead out of this folder.

			Name a tenant by its schema name or its id.
		`),
		Example: text(`
			  tenantedge files -c tenantedge.yaml -l /srv/media -t acme ls
			  tenantedge files -c tenantedge.yaml -l /srv/media -t acme put report.pdf reports/2026.pdf
			  tenantedge files -c tenantedge.yaml -l /srv/media -t acme get reports/2026.pdf copy.pdf
			  tenantedge files -c tenantedge.yaml -l /srv/media -t acme rm reports/2026.pdf
			  tenantedge files -c tenantedge.yaml -t acme sign reports/2026.pdf --expires 1h
		`),
	}, newFilesList(o), newFilesPut(o), newFilesGet(o), newFilesRemove(o), newFilesSign(o))
	f := c.PersistentFlags()
	f.StringVarP(&o.config, "config", "c", "", "configuration `FILE`, YAML or JSON")
	f.StringVarP(&o.location, "location", "l", "", "`FOLDER` that contains the files of all tenants; default: media in the configuration")
	f.StringVarP(&o.tenant, "tenant", "t", "", "schema `NAME` or id of the tenant")
	// These fail only for flags that do not exist.
	_ = c.MarkPersistentFlagFilename("config", "yaml", "yml", "json")
	_ = c.MarkPersistentFlagDirname("location")
	return c
}

func newFilesList(o *fileOptions) *cobra.Command {
	return &cobra.Command{
		Use:     "ls [FOLDER]",
		Short:   "List a folder: sizes, times, names",
		Long:    "ls lists a folder of the tenant's files; the default is the top folder.\nNames of folders end with a slash.",
		Example: "  tenantedge files -c tenantedge.yaml -l /srv/media -t acme ls reports",
		Args:    argCount("at most one folder", 0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			folder := "."
			if len(args) > 0 {
				folder = args[0]
			}
			return o.withFiles(c.Context(), func(v storage.Django) error { return listFiles(c.OutOrStdout(), v, folder) })
		},
	}
}

func listFiles(w io.Writer, v storage.Django, folder string) error {
	dirs, files, err := v.ListDir(folder)
	if errors.Is(err, fs.ErrNotExist) && path.Clean(folder) == "." {
		return nil // the tenant's folder is created with its first file
	}
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, name := range dirs {
		fmt.Fprintf(table, "\t\t%s/\n", printable(name))
	}
	known := regularFiles(v, folder)
	for _, name := range files {
		if info := known[name]; info != nil {
			fmt.Fprintf(table, "%d\t%s\t%s\n", info.Size(), info.ModTime().UTC().Format(time.DateTime), printable(name))
			continue
		}
		size, err := v.Size(folder + "/" + name)
		if err != nil {
			fmt.Fprintf(table, "?\t\t%s\n", printable(name)) // a link that is broken or leads out of the folder
			continue
		}
		times, err := v.Times(folder + "/" + name)
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%d\t%s\t%s\n", size, times.Modified.UTC().Format(time.DateTime), printable(name))
	}
	return table.Flush()
}

// regularFiles returns the regular files of a folder by name, with the sizes and
// times that listing the folder provides. This saves requests to a bucket; files
// that are missing here are queried one by one.
func regularFiles(v storage.Django, folder string) map[string]fs.FileInfo {
	entries, err := v.ReadDir(path.Clean(folder))
	if err != nil {
		return nil
	}
	known := make(map[string]fs.FileInfo, len(entries))
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			known[e.Name()] = info
		}
	}
	return known
}

// printable quotes a name with control characters, which a terminal would obey:
// clients choose the names of uploads.
func printable(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

func newFilesPut(o *fileOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "put FILE [NAME]",
		Short: "Store a file under a free name",
		Long: text(`
			put stores a file, or standard input for -, and prints the name under which it is
			stored. It overwrites no file: if the name is taken, put adds a random part.
		`),
		Example: "  tenantedge files -c tenantedge.yaml -l /srv/media -t acme put report.pdf reports/2026.pdf",
		Args:    argCount("a file and optionally a name", 1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			if args[0] == "-" && len(args) == 1 {
				return usagef("files put: expected a name for standard input (-), found none")
			}
			name := filepath.Base(args[0])
			if len(args) > 1 {
				name = args[1]
			}
			content, size := c.InOrStdin(), int64(-1)
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return fmt.Errorf("files put: %w", expected("a file to store", err))
				}
				defer f.Close()
				info, err := f.Stat()
				if err != nil {
					return err
				}
				content, size = f, info.Size()
			}
			return o.withTenant(c.Context(), func(tenant *openTenant) error {
				if b, ok := tenant.storage.(*object.Storage); ok { // report a bucket that does not work before the transfer
					if err := b.Check(c.Context()); err != nil {
						return err
					}
				}
				t := transferOn(c.ErrOrStderr(), size)
				saved, err := tenant.view.Save(c.Context(), name, io.TeeReader(content, t), 0)
				if t.end(); err != nil {
					return err
				}
				_, err = fmt.Fprintln(c.OutOrStdout(), saved)
				return err
			})
		},
	}
}

func newFilesGet(o *fileOptions) *cobra.Command {
	return &cobra.Command{
		Use:     "get NAME [FILE]",
		Short:   "Fetch a file",
		Long:    "get writes a file of the tenant to standard output, or to FILE, which must not exist.",
		Example: "  tenantedge files -c tenantedge.yaml -l /srv/media -t acme get reports/2026.pdf copy.pdf",
		Args:    argCount("a name and optionally a file", 1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			return o.withFiles(c.Context(), func(v storage.Django) error {
				from, err := v.OpenRead(args[0])
				if err != nil {
					return fmt.Errorf("files get: %w", expected("a file of the tenant", err))
				}
				defer from.Close()
				info, err := from.Stat()
				if err != nil {
					return err
				}
				t := transferOn(c.ErrOrStderr(), info.Size())
				defer t.end()
				content := io.TeeReader(from, t)
				if len(args) == 1 {
					_, err = io.Copy(c.OutOrStdout(), content)
					return err
				}
				to, err := newFile(args[1], 0o666)
				if err != nil {
					return fmt.Errorf("files get: %w", err)
				}
				_, err = io.Copy(to, content)
				if err = errors.Join(err, to.Close()); err != nil {
					return errors.Join(err, os.Remove(args[1])) // an incomplete file must not remain
				}
				return nil
			})
		},
	}
}

func newFilesRemove(o *fileOptions) *cobra.Command {
	return &cobra.Command{
		Use:     "rm NAME...",
		Short:   "Remove files and empty folders",
		Long:    "rm removes files and empty folders of the tenant.\nA name that does not exist is not an error.",
		Example: "  tenantedge files -c tenantedge.yaml -l /srv/media -t acme rm reports/2026.pdf",
		Args:    argCount("one or more names", 1, -1),
		RunE: func(c *cobra.Command, args []string) error {
			return o.withFiles(c.Context(), func(v storage.Django) error {
				var errs []error
				for _, name := range args {
					errs = append(errs, v.Delete(name))
				}
				return errors.Join(errs...)
			})
		},
	}
}

// argCount accepts minimum to maximum arguments; maximum -1: no limit.
func argCount(expected string, minimum, maximum int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < minimum || maximum >= 0 && len(args) > maximum {
			return usagef("%sexpected %s, found %d arguments", errorPrefix(c), expected, len(args))
		}
		return nil
	}
}

// withFiles calls do with the files that o selects.
func (o *fileOptions) withFiles(ctx context.Context, do func(storage.Django) error) error {
	return o.withTenant(ctx, func(t *openTenant) error { return do(t.view) })
}

// openTenant is a tenant whose files are open.
type openTenant struct {
	file    *config.File
	schema  string
	storage storage.Storage
	view    storage.Django
}

// media returns where the files are: below --location, or where m has them. It
// omits the limits of m, which apply to clients.
func (o *fileOptions) media(m *config.Media) *config.Media {
	switch {
	case m == nil:
		return &config.Media{Location: o.location}
	case o.location != "":
		return &config.Media{Location: o.location, BaseURL: m.BaseURL}
	}
	return &config.Media{Location: m.Location, S3: m.S3, BaseURL: m.BaseURL}
}

func (o *fileOptions) withTenant(ctx context.Context, do func(*openTenant) error) (err error) {
	if o.tenant == "" {
		return usagef("files: expected --tenant, found none")
	}
	file, err := loadConfig(o.config)
	if err != nil {
		return err
	}
	if o.location == "" && file.Media == nil {
		return usagef("files: expected --location, or media in %s, found neither", file.Name)
	}
	parts, err := openLoaded(ctx, file, quietLogger())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parts.Close()) }()
	t := storage.Tenant{Folder: o.folder}
	for _, static := range file.GuestConfig.Tenants {
		if static.Schema == o.tenant {
			t.Schema = static.Schema
		}
	}
	if t.Schema == "" {
		row, found := parts.Config.Directory.BySchema(o.tenant)
		if !found {
			row, found = parts.Config.Directory.ByID(o.tenant)
		}
		if !found {
			return fmt.Errorf("%s: expected a tenant of the configuration or its directory, found none named %q", file.Name, o.tenant)
		}
		t.Schema = row.Schema
		t.Pathname, t.HasPathname = row.Attribute("schema_pathname")
	}
	host, err := edge.New(ctx, parts.Config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	files, err := serve.OpenFiles(o.media(file.Media), host)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, files.Close()) }()
	view, err := files.View(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, view.Close()) }()
	return do(&openTenant{file, t.Schema, files, storage.Django{View: backend.WithContext(ctx, view)}})
}
