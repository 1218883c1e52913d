//go:build unix

package file

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb"
)

func TestOnlyRegularFilesAreRead_D9_G12(t *testing.T) {
	folder := t.TempDir()
	fifo, socket := filepath.Join(folder, "fifo"), filepath.Join(folder, "socket")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for path, kind := range map[string]string{fifo: "a FIFO", socket: "a socket", folder: "a folder", os.DevNull: "a device"} {
		if _, _, err := ReadRegular(path, 0); err == nil || !strings.Contains(err.Error(), "found "+kind) {
			t.Errorf("%s: %v, expected an error about %s", path, err, kind)
		}
	}
}

func TestAFIFOInPlaceOfTheFileDoesNotStopWatching_D9_G12(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.json")
	write := func(schema string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(`{"tenants":[{"id":"1","schema_name":"`+schema+`"}],"domains":[]}`), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	dir := tenantdb.NewDirectory(tenantdb.Options{})
	s := New(Options{Path: path, Poll: 10 * time.Millisecond})
	if err := s.Load(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path+".fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".fifo", path); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Follow(ctx, dir) }()
	until := func(what string, holds func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("timed out waiting until %s", what)
			}
		}
	}
	until("the FIFO is reported", func() bool { return strings.Contains(dir.Stats().Degraded, "found a FIFO") })
	write("two")
	until("the new file is read", func() bool { return dir.Stats().Degraded == "" })
	cancel()
	<-ended
}
