package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

//go:embed templates
var templates embed.FS

// Output is the file that a project is built to.
const Output = "guest.wasm"

// New writes a project in language l to dir, which must be empty or missing. It
// returns the paths of the files in dir, sorted.
func New(dir string, l *Language) ([]string, error) {
	if err := empty(dir); err != nil {
		return nil, err
	}
	name, err := projectName(dir)
	if err != nil {
		return nil, err
	}
	files, err := render(name, l)
	if err != nil {
		return nil, err
	}
	var names []string
	for name, content := range files {
		names = append(names, name)
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, content, 0o666); err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return names, nil
}

// empty returns an error if dir has files other than those of git.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("expected a folder, or a path at which there is nothing: %w", err)
	}
	for _, e := range entries {
		if e.Name() != ".git" {
			return fmt.Errorf("expected %s to be empty or missing, found %s in it; name another folder", dir, e.Name())
		}
	}
	return nil
}

// maxName is the maximum length of a project's name.
const maxName = 64

// reserved are the names of the SDKs, one that cargo and npm reserve, and those of
// devices in Windows, which Go refuses.
var reserved = regexp.MustCompile(`^(tenantedge|test|aux|con|nul|prn|com[1-9]|lpt[1-9])$`)

// projectName returns the base name of dir as all languages accept it: lower-case
// letters, digits and hyphens, and not too many for the files that are named after it.
func projectName(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, filepath.Base(abs))
	name = strings.Trim(name, "-")
	name = strings.TrimRight(name[:min(len(name), maxName)], "-")
	switch {
	case name == "":
		return "guest", nil
	case name[0] <= '9', reserved.MatchString(name):
		return "guest-" + name, nil
	}
	return name, nil
}

// render returns the files of a project by their paths.
func render(project string, l *Language) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, s := range l.sdk {
		if err := s.files(func(name string, content []byte) { files[name] = content }); err != nil {
			return nil, err
		}
	}
	data := struct {
		Project  string
		Language *Language
	}{project, l}
	for _, t := range l.templates {
		folder, err := fs.Sub(templates, path.Join("templates", t))
		if err != nil {
			return nil, err
		}
		err = fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := fs.ReadFile(folder, name)
			if err != nil {
				return err
			}
			if rest, ok := strings.CutSuffix(name, ".tmpl"); ok {
				name = rest
				if content, err = execute(name, content, data); err != nil {
					return err
				}
			}
			if strings.HasPrefix(name, "git") { // .gitignore and .github; go:embed leaves out names with a dot
				name = "." + name
			}
			files[name] = content
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

func execute(name string, text []byte, data any) ([]byte, error) {
	t, err := template.New(name).Parse(string(text))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, data)
	return out.Bytes(), err
}

// About describes a file of a new project in a few words; empty: its name does.
func (l *Language) About(name string) string {
	switch name {
	case l.Main:
		return "the guest: edit this file"
	case "main_test.go":
		return "tests it with go test"
	case "cases.yaml":
		return "requests and the decisions that are expected"
	case "tenantedge.yaml":
		return "two tenants, and the application that serves them"
	case "README.md":
		return "the commands"
	case ".github/workflows/guest.yml":
		return "builds and tests it on GitHub"
	}
	return ""
}
