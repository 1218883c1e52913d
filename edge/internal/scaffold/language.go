package scaffold

import (
	"fmt"
	"strings"
)

// Language is a language that guests are written in.
type Language struct {
	Name    string // as the flag --lang has it
	Title   string // in texts
	Tested  bool   // tests of this project build its template
	Main    string // the file with the guest's routing
	Test    string // the command that tests a project without WebAssembly; empty: there is none
	SDKNote string // what the README says about the SDK in the project
	Ignored []string

	templates []string // folders in templates
	sdk       []sdkFolder
	mark      string // pattern of a file that only projects in this language have
	toolchain
}

// Languages are all languages; the first is the default.
var Languages = []*Language{
	{
		Name: "go", Title: "Go", Tested: true, Main: "main.go", Test: "go test",
		SDKNote:   "`go.mod` refers to it",
		templates: []string{"common", "go"},
		sdk:       []sdkFolder{goSDK}, mark: "go.mod", toolchain: goToolchain,
	},
	{
		Name: "tinygo", Title: "TinyGo", Main: "main.go", Test: "go test",
		SDKNote:   "`go.mod` refers to it",
		templates: []string{"common", "go", "tinygo"},
		sdk:       []sdkFolder{goSDK}, mark: "tinygo.json", toolchain: tinygoToolchain,
	},
	{
		Name: "rust", Title: "Rust", Tested: true, Main: "src/lib.rs",
		SDKNote: "a crate without dependencies", Ignored: []string{"/target/"},
		templates: []string{"common", "rust"},
		sdk:       []sdkFolder{{from: "rust", to: "sdk"}}, mark: "Cargo.toml", toolchain: rustToolchain,
	},
	{
		Name: "assemblyscript", Title: "AssemblyScript", Tested: true, Main: "assembly/index.ts",
		SDKNote: "a package", Ignored: []string{"/node_modules/"},
		templates: []string{"common", "assemblyscript"},
		sdk:       []sdkFolder{{from: "assemblyscript", to: "sdk"}}, mark: "asconfig.json", toolchain: assemblyscriptToolchain,
	},
	{
		Name: "c", Title: "C", Tested: true, Main: "main.c",
		SDKNote:   "one header",
		templates: []string{"common", "c"},
		sdk:       []sdkFolder{{from: "c", to: "sdk"}}, mark: "main.c", toolchain: cToolchain,
	},
	{
		Name: "zig", Title: "Zig", Main: "main.zig",
		Ignored:   []string{"/.zig-cache/", "/zig-out/"},
		templates: []string{"common", "zig"}, mark: "main.zig", toolchain: zigToolchain,
	},
}

// LanguageNamed returns the language that --lang names.
func LanguageNamed(name string) (*Language, error) {
	for _, l := range Languages {
		if l.Name == name {
			return l, nil
		}
	}
	return nil, fmt.Errorf("expected one of the languages %s, found %q", strings.Join(LanguageNames(), ", "), name)
}

// LanguageNames returns the names of all languages.
func LanguageNames() []string {
	names := make([]string, len(Languages))
	for i, l := range Languages {
		names[i] = l.Name
	}
	return names
}
