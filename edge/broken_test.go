package edge

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/smoke"
)

func TestTheRefusalOfABrokenGuestNamesCauseAndRemedy(t *testing.T) {
	config, err := json.Marshal(trialConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range wasmtest.BrokenGuests() {
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			err := Try(context.Background(), smoke.Trial{Wasm: b.Wasm, Config: config})
			if err == nil || !strings.Contains(err.Error(), b.Cause) || !strings.Contains(err.Error(), b.Remedy) {
				t.Fatalf("got %v\nwant the cause %q and the remedy %q", err, b.Cause, b.Remedy)
			}
			if !errors.Is(err, ErrGuestRefused) && !errors.Is(err, ErrGuest) {
				t.Errorf("%v is neither ErrGuestRefused nor ErrGuest", err)
			}
			t.Log(err)
		})
	}
}
