package uploads

import (
	"encoding/base64"
	"testing"

	"github.com/tenantedge/tenantedge/edge/storage/disk"
)

// URLs that are made from names turn backslashes into slashes, so that a name with
// a backslash would have the URL of another file. No URL names such a file.
func TestABackslashInAURLNamesNoFile_C5(t *testing.T) {
	w := newWorld(t, Options{Resumable: true}, disk.Config{})
	w.expect("PUT", w.send("PUT", "/media/t1/a/c.txt", "slash"), 201)
	for _, path := range []string{"/media/t1/a%5Cc.txt", "/media/t1/a%5cc.txt", "/media/t1/%5Cc.txt", "/media/t1/a/c.txt%5C", "/media/t1/a%2F%5Cc.txt", "/media/t1/x%5C..%5Ca/c.txt"} {
		put := w.send("PUT", path, "backslash")
		w.expect("PUT "+path, put, 404)
		if at := put.Header.Get("Location"); at != "" {
			t.Errorf("PUT %s: Location %s", path, at)
		}
		w.expect("PUT "+path+" over a file", w.send("PUT", path, "backslash", "If-Match", "*"), 404)
		w.expect("DELETE "+path, w.send("DELETE", path, ""), 404)
		w.expect("POST "+path, w.tus("POST", path, "", "Upload-Length", "3"), 404)
		w.expect("POST "+path+"/", w.tus("POST", path+"/", "", "Upload-Length", "3", "Upload-Metadata", "filename "+base64.StdEncoding.EncodeToString([]byte("f"))), 404)
	}
	if left := w.stored(); len(left) != 1 || w.file("t1/a/c.txt") != "slash" {
		t.Errorf("on the disk: %q", left)
	}
	// Of a path on the client's machine, the last segment is used.
	at := w.begin("/media/t1/in/", "3", "Upload-Metadata", "filename "+base64.StdEncoding.EncodeToString([]byte(`a\c.txt`)))
	done := w.tus("PATCH", at, "one", "Upload-Offset", "0")
	w.expect("PATCH", done, 204)
	if got := done.Header.Get("Content-Location"); got != "/media/t1/in/c.txt" || w.file("t1/in/c.txt") != "one" {
		t.Errorf("it is at %s; on the disk: %q", got, w.stored())
	}
}
