package storagetest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

const secret = "another's secret"

var hostile = []string{
	"..", "../", "../..", "../t11/secret.txt", "../t1/../t11/secret.txt", "%2e%2e", "%2e%2e/", "%2f", "..%2f", "%252e%252e%252f", `\`, `..\`, `..\..\`,
	"\x00", "\x00/..", "/", "//", "///", "/etc/passwd", "/t11/secret.txt", "/../t11/secret.txt", "\xc0\xae\xc0\xae", "\xc0\xaf", "\xe0\x80\xae", "\xff", ".", "./", "d", "d/e", "a",
	"é", "e\u0301", "．．", "∕", "․․", " ", "\n", "\r\n", "\x01", "\x7f", "\u202e", "\u2028", "\ufffe", "C:", `C:\`, `\\host\share`, "NUL", "con.txt", "~", "~root", "$HOME", "`id`", "-rf", "*", "?", "?uploads",
	"#", "&prefix=", "+", "=", "%", "%00", "<x>", "]]>", "\"", "'", ".tenantedge-x", ".TenantEdge-x", "d/.tenantedge-x", "t11", "1/secret.txt",
}

// hostileName joins random pieces. The first names are single pieces.
func hostileName(rng *rand.Rand, i int) string {
	if i < len(hostile) {
		return hostile[i]
	}
	if rng.IntN(50) == 0 {
		return strings.Repeat(hostile[rng.IntN(len(hostile))]+"/", 10_000)[:10_000-rng.IntN(50)]
	}
	var b strings.Builder
	for range 1 + rng.IntN(5) {
		b.WriteString(hostile[rng.IntN(len(hostile))])
		if rng.IntN(3) > 0 {
			b.WriteByte('/')
		}
	}
	return b.String()
}

// everything performs all operations on a name. It returns what it read, the name
// that it saved under, and what it read from there.
func everything(ctx context.Context, f tenantFiles, name string) (read, saved, kept string) {
	take := func(from fs.File, err error) {
		if err == nil {
			b, _ := io.ReadAll(from)
			read += string(b)
			_ = from.Close()
		}
	}
	if saved, _ = f.Save(ctx, name, strings.NewReader("mine"), 0); saved != "" {
		if from, err := f.OpenRead(saved); err == nil {
			take(from, nil)
		}
		kept, read = read, ""
	}
	take(f.Open(name))
	if from, err := f.OpenRead(name); err == nil {
		take(from, nil)
	}
	if dirs, files, err := f.ListDir(name); err == nil {
		read += strings.Join(dirs, "") + strings.Join(files, "")
	}
	_, _ = f.Stat(name)
	_, _ = f.ReadDir(name)
	_, _ = f.Size(name)
	_, _ = f.Times(name)
	_, _ = f.Exists(name)
	_ = f.Delete(name)
	return read, saved, kept
}

// hostileNames is a short test for all backends. The disk has a longer one, with
// links.
func hostileNames(t *testing.T, p Backend) {
	b := p.Open(t, Config{BaseURL: "/media/"})
	own := filesOf(t, b, "t1")
	others := []tenantFiles{filesOf(t, b, "t11"), filesOf(t, b, "T1"), filesOf(t, b, "1")}
	for _, other := range others {
		save(t, other, "secret.txt", secret)
	}
	save(t, own, "d/own.txt", "own")
	rng := rand.New(rand.NewPCG(4, 2))
	for i := range len(hostile) + 100 {
		name := hostileName(rng, i)
		read, saved, kept := everything(t.Context(), own, name)
		if strings.Contains(read, secret) || strings.Contains(read, "secret.txt") && !strings.Contains(name, "secret.txt") {
			t.Errorf("%.100q reads %.100q", name, read)
		}
		if saved != "" && kept != "mine" {
			t.Errorf("%.100q, saved as %.100q, is %q", name, saved, kept)
		}
	}
	for _, other := range others {
		if got := list(t, other, ""); got != "/secret.txt" || content(t, other, "secret.txt") != secret {
			t.Errorf("the files of %s are %q", other.Identifier(), got)
		}
	}
	p.nothingLeft(t)
}

func identifiers(t *testing.T, p Backend) {
	own := func(schema, pathname string) storage.Tenant {
		return storage.Tenant{Schema: schema, Pathname: pathname, HasPathname: true}
	}
	b := p.Open(t, Config{BaseURL: "/media/"})
	for _, bad := range []string{"", ".", "..", "a/b", "../t1", `a\b`, "a\x00", "a\xff", ".TenantEdge-1"} {
		if f, err := b.View(t.Context(), own("acme", bad)); f != nil || !errors.Is(err, storage.ErrIdentifier) || !strings.Contains(err.Error(), `"acme"`) {
			t.Errorf("%q: %v, %v, expected ErrIdentifier that names acme", bad, f, err)
		}
	}
	problems, err := backend.NewIdentifiers(b).Update(t.Context(), slices.Values([]storage.Tenant{{Schema: "Other"}, own("acme", "oTHER")}))
	if len(problems) != 1 || !errors.Is(problems[0], storage.ErrIdentifier) || err != nil {
		t.Errorf("%v, %v, expected ErrIdentifier", problems, err)
	}
	problems, err = backend.NewIdentifiers(b).Update(t.Context(), slices.Values([]storage.Tenant{{Schema: "1"}, {Schema: "11"}}))
	must(t, errors.Join(append(problems, err)...))
}

func movedTenant(t *testing.T, p Backend) {
	for _, answer := range []tenancy.Pathname{
		{}, {Identifier: "..", BaseLocation: "/"}, {Identifier: "t2/x", BaseLocation: "/t2/x/"}, {Identifier: "t1", BaseLocation: "/t2/"}, {Identifier: "t1", BaseLocation: "t1/"},
	} {
		b := p.Open(t, Config{Locator: locator(answer)})
		if f, err := b.View(t.Context(), storage.Tenant{Schema: "t1"}); f != nil || !errors.Is(err, storage.ErrIdentifier) {
			t.Errorf("%+v: %v, expected ErrIdentifier", answer, err)
		}
	}
}

type locator tenancy.Pathname

func (l locator) Locate(context.Context, *tenancy.PathQuery) (tenancy.Pathname, error) {
	return tenancy.Pathname(l), nil
}

func neighbours(t *testing.T, p Backend) {
	b := p.Open(t, Config{BaseURL: "/media/"})
	schemas := []string{"a", "a-b", "ab", "a_b", "a!", "a.", "1", "11", "é", "a b", "%61"}
	var wanted []storage.Usage
	for i, schema := range schemas {
		f := filesOf(t, b, schema)
		for k := range i + 1 {
			save(t, f, strings.Repeat("x", k+1), schema)
		}
		save(t, f, "b/own", schema)
		wanted = append(wanted, storage.Usage{Files: int64(i + 2), Bytes: int64((i + 2) * len(schema))})
	}
	for i, schema := range schemas {
		f := filesOf(t, b, schema)
		if u, err := f.Usage(t.Context()); u != wanted[i] || err != nil {
			t.Errorf("%q: %+v, %v, expected %+v", schema, u, err, wanted[i])
		}
		if dirs, files, err := f.ListDir(""); len(dirs) != 1 || len(files) != i+1 || err != nil {
			t.Errorf("%q lists %q %q, %v", schema, dirs, files, err)
		}
		if got := content(t, f, "b/own"); got != schema {
			t.Errorf("%q reads %q", schema, got)
		}
	}
	must(t, filesOf(t, b, "a").Delete("x"))
	must(t, filesOf(t, b, "a").Delete("b/own"))
	for i, schema := range schemas[1:] {
		if u, err := filesOf(t, b, schema).Usage(t.Context()); u != wanted[i+1] || err != nil {
			t.Errorf("%q: %+v, %v, expected %+v", schema, u, err, wanted[i+1])
		}
	}
}

func noTenant(t *testing.T, p Backend) {
	b := p.Open(t, Config{})
	for _, none := range []storage.Tenant{{}, {Folder: "acme"}, {Pathname: "acme", HasPathname: true}} {
		if f, err := b.View(t.Context(), none); f != nil || !errors.Is(err, storage.ErrNoTenant) {
			t.Errorf("%+v: %v, %v, expected ErrNoTenant", none, f, err)
		}
	}
}
