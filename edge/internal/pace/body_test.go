package pace

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"
)

// blockedBody is a body whose reads block until a deadline has passed.
type blockedBody struct {
	httptest.ResponseRecorder
	begun  chan struct{}
	passed chan struct{}
	once   sync.Once
}

func (w *blockedBody) Read([]byte) (int, error) {
	w.begun <- struct{}{}
	<-w.passed
	return 0, os.ErrDeadlineExceeded
}
func (w *blockedBody) Close() error { return nil }

func (w *blockedBody) SetReadDeadline(at time.Time) error {
	if at.Equal(past) {
		w.once.Do(func() { close(w.passed) })
	}
	return nil
}
func (w *blockedBody) SetWriteDeadline(time.Time) error { return nil }

// A proxy's abandoned attempt may still read the body while the next one reads.
func TestAllReadsInProgressEndWithTheHandler_A9(t *testing.T) {
	w := &blockedBody{begun: make(chan struct{}), passed: make(chan struct{})}
	r := httptest.NewRequest(http.MethodPost, "/", w)
	ended := make(chan error, 2)
	Handler(&Limits{}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for range 2 {
			go func() {
				_, err := r.Body.Read(make([]byte, 1))
				ended <- err
			}()
			<-w.begun
		}
		t.Cleanup(func() { // the handler has returned
			if _, err := r.Body.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
				t.Errorf("a later read returned %v", err)
			}
		})
	})).ServeHTTP(w, r)
	for range 2 {
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a read returned %v", err)
		}
	}
}
