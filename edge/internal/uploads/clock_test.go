package uploads

import (
	"net/http"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/steady"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
)

// An upload that begins while the clock is wrong continues after it is corrected.
func TestAResumableUploadSurvivesAChangeOfTheSystemClock_G11(t *testing.T) {
	w := newWorld(t, Options{Resumable: true, Expiry: 24 * time.Hour}, disk.Config{})
	w.handler.clock = steady.Fake(time.Now(), func() time.Time { return time.Now().Add(-25 * time.Hour) }, func() time.Duration { return time.Second })
	begun := w.tus("POST", "/media/t1/f", "", "Upload-Length", "3")
	w.expect("POST", begun, 201)
	expires, err := http.ParseTime(begun.Header.Get("Upload-Expires"))
	if left := time.Until(expires); err != nil || left < 23*time.Hour {
		t.Errorf("it expires in %v, %v", left, err)
	}
	w.expect("HEAD", w.tus("HEAD", begun.Header.Get("Location"), ""), 200)
	w.expect("PATCH", w.tus("PATCH", begun.Header.Get("Location"), "abc", "Upload-Offset", "0"), 204)
	if got := w.file("t1/f"); got != "abc" {
		t.Errorf("%q", got)
	}
}
