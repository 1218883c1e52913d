package proof_test

import (
	"fmt"
	"time"

	"github.com/tenantedge/tenantedge/edge/proof"
)

// A service signs the tenant of its request, and the edge verifies it.
func Example() {
	key := proof.Key{ID: "2026-11", Secret: []byte("0123456789abcdef0123456789abcdef")}
	now := time.Unix(1_800_000_000, 0)
	value := proof.Sign(key, "GET", "app.example.com", "/orders?page=2", "acme", now)
	fmt.Println(proof.Verify([]proof.Key{key}, value, "GET", "app.example.com", "/orders?page=2", "acme", now))
	fmt.Println(proof.Verify([]proof.Key{key}, value, "GET", "app.example.com", "/orders?page=2", "umbra", now))
	// Output:
	// <nil>
	// proof: the proof is invalid: expected a known key and the MAC of the request
}
