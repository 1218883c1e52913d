package measure

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/tenantedge/tenantedge/bench/web"
)

// fileSizes are the sizes of the files that clients request: those of a style
// sheet, a picture and a download.
var fileSizes = []struct {
	name string
	size int
}{{"1KiB", 1 << 10}, {"100KiB", 100 << 10}, {"10MiB", 10 << 20}}

// openFiles compares servers that serve the same files, each in its own process.
func openFiles(ctx context.Context, o *Options, out *opened) error {
	work, err := os.MkdirTemp("", "tenantedge-bench-files-")
	if err != nil {
		return err
	}
	out.close = append(out.close, func() error { return os.RemoveAll(work) })
	if err := writeFiles(work); err != nil {
		return err
	}
	length := min(loadFactor*o.Time, longestAll/3) // a round loads each server with each size
	connections := perCore * runtime.NumCPU()
	out.notes = append(out.notes, fmt.Sprintf("connections: %d", connections), fmt.Sprintf("load-time: %v", length))
	var servers []*web.Server
	var kinds []web.FileServer
	for _, f := range web.FileServers() {
		if !out.has(f.Name, func() (string, error) { return f.Prepare(ctx, work) }) {
			continue
		}
		s, err := f.Start(ctx, work)
		if err != nil {
			return err
		}
		out.close = append(out.close, s.Close)
		servers, kinds = append(servers, s), append(kinds, f)
	}
	for _, size := range fileSizes {
		for i, s := range servers {
			target := kinds[i].Target + size.name + ".bin"
			out.cases = append(out.cases, benchCase{
				name: "Files/size=" + size.name + "/server=" + kinds[i].Name,
				own: func(ctx context.Context) (string, error) {
					return timed(s, func() (web.Result, error) {
						return web.LoadFile(ctx, s.Address, target, size.size, connections, length)
					})
				},
			})
		}
	}
	return nil
}

// writeFiles writes the files that the servers serve below the folder work.
func writeFiles(work string) error {
	folder := web.FilesFolder(work)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(work, 0o755); err != nil { // nginx may run as another user
		return err
	}
	for _, f := range fileSizes {
		if err := os.WriteFile(filepath.Join(folder, f.name+".bin"), bytes.Repeat([]byte("tenantedge\n"), f.size/11+1)[:f.size], 0o644); err != nil {
			return err
		}
	}
	return nil
}
