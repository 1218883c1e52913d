package backend

import (
	"context"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// TestACountIsRenewedBeforeARefusal: others remove a tenant's files too.
func TestACountIsRenewedBeforeARefusal(t *testing.T) {
	found := storage.Usage{Bytes: 10}
	counts := 0
	a := newAccount(func(context.Context) (storage.Usage, error) {
		counts++
		return found, nil
	})
	a.quota = storage.Quota{Bytes: 10}
	for range 3 {
		if err := a.Reserve(t.Context(), storage.Usage{Bytes: 1}); err != storage.ErrQuota {
			t.Fatalf("%v, expected ErrQuota", err)
		}
	}
	if counts != 1 {
		t.Errorf("%d counts within a moment, expected one", counts)
	}
	found.Bytes = 4
	a.counted = time.Now().Add(-refusalAge)
	must(t, a.Reserve(t.Context(), storage.Usage{Bytes: 6}))
	a.counted = time.Now().Add(-countAge)
	found.Bytes = 0
	must(t, a.Reserve(t.Context(), storage.Usage{Bytes: 4}))
	if counts != 3 || a.reserved.Bytes != 10 {
		t.Errorf("%d counts, %+v reserved", counts, a.reserved)
	}
}
