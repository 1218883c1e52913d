package disk

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	anyUse  = unix.IN_ALL_EVENTS
	changes = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_ATTRIB
)

// watch makes the kernel record accesses to folders. The returned function returns
// them.
func watch(t *testing.T, folders map[string]uint32) (seen func() []string) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	names := make(map[int32]string)
	for folder, mask := range folders {
		w, err := unix.InotifyAddWatch(fd, folder, mask)
		if err != nil {
			t.Fatal(err)
		}
		names[int32(w)] = folder
	}
	return func() (events []string) {
		buf := make([]byte, 64<<10)
		for {
			n, err := unix.Read(fd, buf)
			if err == unix.EAGAIN {
				return events
			}
			if err != nil {
				t.Fatal(err)
			}
			for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
				size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
				name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:size]), "\x00")
				events = append(events, fmt.Sprintf("%s/%s: event %#x", names[int32(binary.NativeEndian.Uint32(b))], name, binary.NativeEndian.Uint32(b[4:])))
				b = b[size:]
			}
		}
	}
}
