package scaffold

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/tenantedge/tenantedge/guest"
)

// sdkFolder is a part of guest.Sources, and where a project has its files.
type sdkFolder struct {
	from, to string
	skip     func(name string) bool
}

// goSDK leaves out tests, and what is not written in Go.
var goSDK = sdkFolder{from: ".", to: "sdk/guest", skip: func(name string) bool {
	return strings.HasSuffix(name, "_test.go") || name == "sources.go" || path.Ext(name) != ".go" && name != "tck/golden.json"
}}

// files calls add with the path in a project and the content of each file.
func (s *sdkFolder) files(add func(name string, content []byte)) error {
	folder, err := fs.Sub(guest.Sources, s.from)
	if err != nil {
		return fmt.Errorf("scaffold: %w", err)
	}
	return fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || s.skip != nil && s.skip(name) {
			return err
		}
		content, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		add(path.Join(s.to, name), content)
		return nil
	})
}
