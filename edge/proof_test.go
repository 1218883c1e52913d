package edge

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAProofHoldsForTheVeryRequestAlone(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	key := ProofKey{ID: "k1", Secret: []byte(strings.Repeat("s", 32))}
	old := ProofKey{ID: "k0", Secret: []byte(strings.Repeat("o", 32))}
	proof := SignTenantHeader(key, "GET", "A.example.com", "/x?y=1", "t1", now)
	for _, c := range []struct {
		name                                string
		keys                                []ProofKey
		proof, method, host, target, tenant string
		at                                  time.Duration
		want                                bool
	}{
		{"as it was signed", []ProofKey{key}, proof, "GET", "A.example.com", "/x?y=1", "t1", 0, true},
		{"the host's case does not matter", []ProofKey{key}, proof, "GET", "a.Example.com", "/x?y=1", "t1", 0, true},
		{"beside an older key", []ProofKey{old, key}, proof, "GET", "a.example.com", "/x?y=1", "t1", 0, true},
		{"at the edge of its minute", []ProofKey{key}, proof, "GET", "a.example.com", "/x?y=1", "t1", time.Minute, true},
		{"too late", []ProofKey{key}, proof, "GET", "a.example.com", "/x?y=1", "t1", time.Minute + time.Second, false},
		{"too early", []ProofKey{key}, proof, "GET", "a.example.com", "/x?y=1", "t1", -time.Minute - time.Second, false},
		{"another method", []ProofKey{key}, proof, "POST", "a.example.com", "/x?y=1", "t1", 0, false},
		{"another host", []ProofKey{key}, proof, "GET", "b.example.com", "/x?y=1", "t1", 0, false},
		{"another path", []ProofKey{key}, proof, "GET", "a.example.com", "/z?y=1", "t1", 0, false},
		{"another query", []ProofKey{key}, proof, "GET", "a.example.com", "/x?y=2", "t1", 0, false},
		{"another tenant", []ProofKey{key}, proof, "GET", "a.example.com", "/x?y=1", "t2", 0, false},
		{"a key that was withdrawn", []ProofKey{old}, proof, "GET", "a.example.com", "/x?y=1", "t1", 0, false},
		{"another key id", []ProofKey{key, old}, strings.Replace(proof, "k1", "k0", 1), "GET", "a.example.com", "/x?y=1", "t1", 0, false},
		{"another time", []ProofKey{key}, strings.Replace(proof, "1800000000", "1800000001", 1), "GET", "a.example.com", "/x?y=1", "t1", 0, false},
		{"another version", []ProofKey{key}, "v2" + proof[2:], "GET", "a.example.com", "/x?y=1", "t1", 0, false},
		{"no proof", []ProofKey{key}, "", "GET", "a.example.com", "/x?y=1", "t1", 0, false},
		{"fields moved by a line feed", []ProofKey{key}, proof, "GET", "a.example.com", "/x?y=1\nt1", "", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := verifyProof(c.keys, c.proof, c.method, c.host, c.target, c.tenant, now.Add(c.at))
			if (err == nil) != c.want {
				t.Fatalf("verified: %v", err)
			}
		})
	}
}

func TestProofKeysHideTheirSecret(t *testing.T) {
	key := ProofKey{ID: "k1", Secret: []byte("very-secret")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(format, key); strings.Contains(s, "very-secret") || strings.Contains(s, "118") {
			t.Errorf("%s prints %s", format, s)
		}
	}
	if err := key.check(); err == nil || strings.Contains(err.Error(), "very-secret") {
		t.Errorf("a short secret is refused with %v", err)
	}
}

func FuzzProof(f *testing.F) {
	key := ProofKey{ID: "k1", Secret: []byte(strings.Repeat("s", 32))}
	now := time.Unix(1_800_000_000, 0)
	good := SignTenantHeader(key, "GET", "a.io", "/", "t1", now)
	f.Add(good)
	f.Add("v1;k1;;")
	f.Fuzz(func(t *testing.T, proof string) {
		if err := verifyProof([]ProofKey{key}, proof, "GET", "a.io", "/", "t1", now); err == nil && !strings.EqualFold(proof, good) {
			if !strings.HasPrefix(proof, "v1;k1;") {
				t.Fatalf("%q holds", proof)
			}
		}
	})
}
