package edge_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The Go code in each README.md type-checks against the packages of the module
// and of the standard library. Variables that a snippet does not declare may
// have any type.
func TestGoInReadmesTypeChecks(t *testing.T) {
	all := exported(t)
	snippets := 0
	eachDocument(t, func(name, text string) {
		if path.Base(name) != "README.md" {
			return
		}
		for {
			_, rest, found := strings.Cut(text, "```go\n")
			if !found {
				return
			}
			var snippet string
			snippet, text, _ = strings.Cut(rest, "```\n")
			snippets++
			for _, problem := range all.checkSnippet(path.Dir(name), snippet) {
				t.Errorf("%s: %s in\n%s", name, problem, snippet)
			}
		}
	})
	if snippets < 3 {
		t.Errorf("found %d snippets, expected at least three", snippets)
	}
}

// checkSnippet type-checks declarations or statements from a document in folder.
func (all exportData) checkSnippet(folder, snippet string) (problems []string) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "", snippet, 0) // a complete file
	if err != nil {
		f, err = parser.ParseFile(fset, "", "package snippet\n"+snippet, 0)
	}
	if err != nil {
		f, err = parser.ParseFile(fset, "", "package snippet\nfunc _() error {\n"+snippet+"\n}", 0)
	}
	if err != nil {
		return []string{err.Error()}
	}
	if len(f.Imports) == 0 {
		all.addImports(folder, f)
	}
	// A snippet is a part of a function.
	ignored := regexp.MustCompile(`declared and not used|is not used|missing return|return values|imported and not used|^undefined: \w+$`)
	config := types.Config{Importer: all.importer(fset), Error: func(err error) {
		if text := err.(types.Error).Msg; !ignored.MatchString(text) {
			problems = append(problems, text)
		}
	}}
	_, _ = config.Check("snippet", fset, []*ast.File{f}, nil) // Error gets all errors
	return problems
}

// addImports imports the packages that f seems to use by their names: those of
// the module, closest to folder first, then those of the standard library.
func (all exportData) addImports(folder string, f *ast.File) {
	rank := func(p string) int {
		inner, own := strings.CutPrefix(p, modulePath)
		switch {
		case own && (inner == folder || strings.HasPrefix(inner, folder+"/")):
			return 0
		case own:
			return 1
		}
		return 2 + strings.Count(p, "/")
	}
	paths := map[string]string{}
	for p, info := range all {
		if !strings.HasPrefix(p, modulePath) && !info.Standard || slices.Contains(strings.Split(p, "/"), "internal") || info.Name == "main" {
			continue
		}
		if old := paths[info.Name]; old == "" || rank(p) < rank(old) || rank(p) == rank(old) && p < old {
			paths[info.Name] = p
		}
	}
	declaration := &ast.GenDecl{Tok: token.IMPORT}
	added := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if id, ok := selector.X.(*ast.Ident); ok && ast.IsExported(selector.Sel.Name) && paths[id.Name] != "" && !added[id.Name] {
			added[id.Name] = true
			spec := &ast.ImportSpec{Name: ast.NewIdent(id.Name), Path: &ast.BasicLit{Kind: token.STRING, Value: `"` + paths[id.Name] + `"`}}
			declaration.Specs = append(declaration.Specs, spec)
			f.Imports = append(f.Imports, spec)
		}
		return true
	})
	f.Decls = append([]ast.Decl{declaration}, f.Decls...)
}

// Links between documents lead to files that exist.
func TestLinksOfDocumentsLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	eachDocument(t, func(name, text string) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			u, err := url.Parse(m[1])
			if err != nil || u.Scheme != "" || u.Path == "" {
				continue // another site, or a heading of this page
			}
			if _, err := os.Stat(path.Join("..", path.Dir(name), u.Path)); err != nil {
				t.Errorf("%s: the link %s: %v", name, m[1], err)
			}
		}
	})
}

// eachDocument calls do with the text of each Markdown file of the repository.
func eachDocument(t *testing.T, do func(name, text string)) {
	t.Helper()
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", ".cache", "bin", "node_modules"}, d.Name()) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, ".md") {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		do(name, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
