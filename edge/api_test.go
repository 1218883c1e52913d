package edge_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const modulePath = "github.com/tenantedge/tenantedge/"

var updateAPI = flag.Bool("update-api", false, "rewrite the api.txt of each public package")

// TestAPIIsThatOfItsGoldenFiles compares the exported API of each public
// package with the api.txt in its folder, so that a change of the API shows in
// review. The format follows the files in Go's own api folder.
func TestAPIIsThatOfItsGoldenFiles(t *testing.T) {
	all := exported(t)
	public := publicPackages(all)
	for _, p := range public {
		golden := filepath.Join(p.Dir, "api.txt")
		got := strings.Join(apiLines(all.load(t, p.ImportPath)), "\n") + "\n"
		if *updateAPI {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Errorf("%s: %v: run make api", p.ImportPath, err)
			continue
		}
		if string(want) != got {
			t.Errorf("%s: the API differs from api.txt; if the change is intended, run make api and commit the file:\n%s",
				p.ImportPath, difference(string(want), got))
		}
	}
}

type exportedPackage struct {
	ImportPath, Name, Dir, Export string
	Standard                      bool
}

type exportData map[string]exportedPackage

// exported returns the compiled packages of the module and those that it imports.
func exported(t *testing.T) exportData {
	t.Helper()
	all, err := listExported()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var listExported = sync.OnceValues(func() (exportData, error) {
	command := exec.Command("go", "list", "-pgo=off", "-export", "-deps", "-json=ImportPath,Name,Dir,Export,Standard", modulePath+"...")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, err
	}
	all := exportData{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p exportedPackage
		if err := decoder.Decode(&p); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all[p.ImportPath] = p
	}
})

// load reads the export data of a package.
func (all exportData) load(t *testing.T, path string) *types.Package {
	t.Helper()
	p, err := all.importer(token.NewFileSet()).Import(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (all exportData) importer(fset *token.FileSet) types.Importer {
	return importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(all[path].Export) })
}

// publicPackages returns the packages of the module that other modules can import.
func publicPackages(all exportData) []exportedPackage {
	var public []exportedPackage
	for path, p := range all {
		inner, own := strings.CutPrefix(path, modulePath)
		if own && p.Name != "main" && !slices.Contains(strings.Split(inner, "/"), "internal") {
			public = append(public, p)
		}
	}
	slices.SortFunc(public, func(a, b exportedPackage) int { return strings.Compare(a.ImportPath, b.ImportPath) })
	return public
}

// apiLines describes each exported name of a package, sorted.
func apiLines(p *types.Package) []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	spell := func(t types.Type) string {
		return types.TypeString(unnamed(t), func(other *types.Package) string {
			if other == p {
				return ""
			}
			return other.Name()
		})
	}
	for _, name := range p.Scope().Names() {
		switch o := p.Scope().Lookup(name).(type) {
		case *types.Const:
			if o.Exported() {
				add("const %s %s = %s", name, spell(o.Type()), o.Val().ExactString())
			}
		case *types.Var:
			if o.Exported() {
				add("var %s %s", name, spell(o.Type()))
			}
		case *types.Func:
			if o.Exported() {
				add("func %s%s", name, strings.TrimPrefix(spell(o.Type()), "func"))
			}
		case *types.TypeName:
			if o.Exported() {
				addType(add, spell, o)
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func addType(add func(string, ...any), spell func(types.Type) string, o *types.TypeName) {
	name := o.Name()
	if o.IsAlias() {
		add("type %s = %s", name, spell(types.Unalias(o.Type())))
		return
	}
	if named, ok := o.Type().(*types.Named); ok && named.TypeParams().Len() > 0 {
		name = spell(named)
	}
	switch u := o.Type().Underlying().(type) {
	case *types.Struct:
		add("type %s struct", name)
		for f := range u.Fields() {
			if f.Embedded() && f.Exported() {
				add("type %s struct, embedded %s", name, spell(f.Type()))
			} else if f.Exported() {
				add("type %s struct, %s %s", name, f.Name(), spell(f.Type()))
			}
		}
	case *types.Interface:
		add("type %s interface", name)
		for m := range u.Methods() {
			if m.Exported() {
				add("type %s interface, %s%s", name, m.Name(), strings.TrimPrefix(spell(m.Type()), "func"))
			} else {
				add("type %s interface, unexported methods", name)
			}
		}
		return
	default:
		add("type %s %s", name, spell(u))
	}
	byValue := types.NewMethodSet(o.Type())
	for m := range types.NewMethodSet(types.NewPointer(o.Type())).Methods() {
		if !m.Obj().Exported() {
			continue
		}
		receiver := "*" + name
		if byValue.Lookup(nil, m.Obj().Name()) != nil {
			receiver = name
		}
		add("method (%s) %s%s", receiver, m.Obj().Name(), strings.TrimPrefix(spell(m.Type()), "func"))
	}
}

// unnamed removes the names of a function's parameters and results, which
// callers do not depend on.
func unnamed(t types.Type) types.Type {
	s, ok := t.(*types.Signature)
	if !ok || s.TypeParams().Len() > 0 { // a type parameter belongs to one signature only
		return t
	}
	tuple := func(named *types.Tuple) *types.Tuple {
		var vars []*types.Var
		for v := range named.Variables() {
			vars = append(vars, types.NewParam(token.NoPos, v.Pkg(), "", unnamed(v.Type())))
		}
		return types.NewTuple(vars...)
	}
	return types.NewSignatureType(nil, nil, nil, tuple(s.Params()), tuple(s.Results()), s.Variadic())
}

// difference lists the lines that only one of two texts has.
func difference(want, got string) string {
	lines := func(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }
	var b strings.Builder
	for _, line := range lines(want) {
		if !slices.Contains(lines(got), line) {
			b.WriteString("-" + line + "\n")
		}
	}
	for _, line := range lines(got) {
		if !slices.Contains(lines(want), line) {
			b.WriteString("+" + line + "\n")
		}
	}
	return b.String()
}
