package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge/config"
)

// initOptions are what a starting configuration is made of.
type initOptions struct {
	domain   string
	upstream string
	dsnEnv   string
	tenants  []string // SCHEMA=DOMAIN,DOMAIN
	django   string   // file with settings.TENANTS
	listen   string
	state    string
	schema   string
	ask      bool
}

// schemaURL is where editors find the schema of a configuration.
const schemaURL = "https://raw.githubusercontent.com/tenantedge/tenantedge/main/edge/config/schema.json"

func newInit() *cobra.Command {
	var o initOptions
	c := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a configuration to start with",
		Long: text(`
			init writes a configuration with comments to FILE, by default tenantedge.yaml, which
			must not exist. check accepts it, and serve serves it. Without flags, one tenant at
			http://localhost:8080/ gets a fixed page; --ask asks for what the flags say.

			--django reads the tenants from the settings of Django. To write them to a file:

			  python manage.py shell -c 'import json; from django.conf import settings;
			    print(json.dumps(settings.TENANTS))' >tenants.json
		`),
		Example: text(`
			  tenantedge init
			  tenantedge init --ask
			  tenantedge init --domain example.com --upstream http://127.0.0.1:8000
			  tenantedge init --tenant www=example.com --tenant blog=blog.example.com,news.example.com
			  tenantedge init --django tenants.json --dsn-env DATABASE_URL
		`),
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("init: expected at most one FILE, found %d arguments", len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			path := "tenantedge.yaml"
			if len(args) > 0 {
				path = args[0]
			}
			if o.ask {
				if err := o.askAll(c.InOrStdin(), c.OutOrStdout()); err != nil {
					return err
				}
			}
			return o.write(path, c.InOrStdin(), c.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&o.domain, "domain", "", "`DOMAIN` of the site; default: localhost")
	f.StringVar(&o.upstream, "upstream", "", "`URL` of the application that serves the tenants, such as http://127.0.0.1:8000; default: a fixed page")
	f.StringVar(&o.dsnEnv, "dsn-env", "", "environment `VARIABLE` with the connection string of the Postgres that holds the tenants")
	f.StringArrayVar(&o.tenants, "tenant", nil, "static tenant, as `SCHEMA=DOMAIN[,DOMAIN...]`; may be repeated")
	f.StringVar(&o.django, "django", "", "`FILE` with settings.TENANTS as JSON; - reads standard input")
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`ADDRESS` that accepts requests, such as :80 or systemd:http")
	f.StringVar(&o.state, "state-file", "tenantedge.state", "`FILE` that keeps the tenants for a start without the database")
	f.StringVar(&o.schema, "schema", schemaURL, "`URL` or file of the JSON schema, for editors")
	f.BoolVar(&o.ask, "ask", false, "ask for the domain, the application, the tenants and the database")
	return c
}

// askAll asks for the settings that no flag has set, and again after an answer that
// makes no valid configuration. An empty answer keeps the default.
func (o *initOptions) askAll(in io.Reader, out io.Writer) error {
	if o.django == "-" {
		return usagef("init: expected either --ask or --django -, found both, which read standard input")
	}
	if err := o.valid(); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	ask := func(question, otherwise string, set *string) {
		for *set == "" {
			fmt.Fprintf(out, "%s [%s]: ", question, otherwise)
			if !lines.Scan() || strings.TrimSpace(lines.Text()) == "" {
				return
			}
			*set = strings.TrimSpace(lines.Text())
			if err := o.valid(); err != nil {
				fmt.Fprintf(terminal{out}, "  %s\n", problemOf(err))
				*set = ""
			}
		}
	}
	ask("File with Django's settings.TENANTS as JSON", "none", &o.django)
	if o.django == "" {
		ask("Domain of the site", "localhost", &o.domain)
	}
	ask("URL of the application, such as http://127.0.0.1:8000", "a fixed page", &o.upstream)
	ask("Environment variable with the connection string of Postgres", "no database", &o.dsnEnv)
	fmt.Fprintln(out)
	return lines.Err()
}

// valid returns what is wrong with the settings so far.
func (o *initOptions) valid() error {
	_, err := o.checked("tenantedge.yaml", strings.NewReader(""))
	return err
}

// problemOf returns an error without the name and the position of a key, which mean
// nothing to who answers a question.
func problemOf(err error) string {
	if located := (*config.Error)(nil); errors.As(err, &located) {
		return located.Problem
	}
	return strings.TrimPrefix(err.Error(), "init: --django: ")
}

// checked returns the configuration. A flag with a wrong value is reported as the key
// that it sets.
func (o *initOptions) checked(path string, in io.Reader) ([]byte, error) {
	data, err := o.render(in)
	if err != nil {
		return nil, err
	}
	if _, err := config.Parse(path, data); err != nil {
		return nil, fmt.Errorf("init: the flags do not make a valid configuration: %w", err)
	}
	return data, nil
}

// write writes the configuration to a file that does not exist yet.
func (o *initOptions) write(path string, in io.Reader, out io.Writer) error {
	data, err := o.checked(path, in)
	if err != nil {
		return err
	}
	f, err := newFile(path, 0o644)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("init: %w", err), os.Remove(path))
	}
	_, err = fmt.Fprintf(terminal{out}, "Wrote %[1]s. Next:\n\n  tenantedge check --config %[1]s\n%[2]s  tenantedge serve --config %[1]s\n\nThe console is then at http://127.0.0.1:8081/\n", path, o.nextSteps(path))
	return err
}

func (o *initOptions) nextSteps(path string) string {
	if o.dsnEnv == "" {
		return ""
	}
	return fmt.Sprintf("  tenantedge db init --config %s    # triggers that notify the edge of changes\n", path)
}

// pageBody is what a tenant without an application gets.
const pageBody = "tenantedge works. Change urlconfs.app in its configuration to serve your application.\n"

// render returns the configuration.
func (o *initOptions) render(in io.Reader) ([]byte, error) {
	tenants, tables, err := o.table(in)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `# yaml-language-server: $schema=%s
#
# The configuration of tenantedge. After a change:
#
#	tenantedge check --config FILE
#
# All keys: edge/config/REFERENCE.md in the repository, REFERENCE.md in the package.

# Where clients connect. Behind a load balancer, also set trusted_peers to its network.
listeners: [%s]
# The console for browsers, /healthz, /readyz and /metrics, for this machine only.
admin: 127.0.0.1:8081

# Django's TENANTS: a schema for each static tenant, and its domains. Requests for other
# hosts get 404.
tenants:
`, o.schema, quoted(o.listen))
	names := map[string]bool{}
	for _, t := range tenants {
		fmt.Fprintf(&b, "  %s: %s\n", quoted(t.schema), t.entry())
		if t.urlconf != "" {
			names[t.urlconf] = true
		}
	}
	if o.dsnEnv != "" {
		b.WriteString(o.directory(tables))
	}
	b.WriteString("\n# What serves each URLCONF: the URL of an application, or a mapping with files, reply, …\nurlconfs:\n")
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if o.upstream != "" {
			fmt.Fprintf(&b, "  %s: %s\n", quoted(name), quoted(o.upstream))
		} else {
			fmt.Fprintf(&b, "  %s: {reply: {body: %s}} # instead, for an application: http://127.0.0.1:8000\n", quoted(name), quoted(pageBody))
		}
	}
	b.WriteString("\n# One line in the log for each request.\nlogs: {access: true}\n")
	return b.Bytes(), nil
}

// directory returns the key directory. Without the tables of Django, those that db
// init creates are used.
func (o *initOptions) directory(tables map[string]string) string {
	keys := "  source: postgres\n  dsn_env: " + quoted(o.dsnEnv) + " # the variable has the connection string, postgres://…\n"
	for _, key := range []string{"tenant_table", "domain_table"} {
		if tables[key] != "" {
			keys += "  " + key + ": " + quoted(tables[key]) + "\n"
		}
	}
	return "\n# Where the other tenants are. The edge follows changes of these tables.\ndirectory:\n" + keys +
		"  state_file: " + quoted(o.state) + " # serves also while Postgres is down\n"
}

// quoted returns s as it is, if it is plain in YAML, and otherwise in quotes.
func quoted(s string) string {
	plain := s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '.' && r != '_' && r != '/' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if first := strings.ToLower(s); plain && first[0] >= 'a' && first[0] <= 'z' && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, first) {
		return s
	}
	return string(jsonText(s))
}

func jsonText(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // values that were decoded, or texts
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
