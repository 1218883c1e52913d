package proof

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAProofIsValidOnlyForTheSignedRequest(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	key := Key{ID: "k1", Secret: []byte(strings.Repeat("s", 32))}
	old := Key{ID: "k0", Secret: []byte(strings.Repeat("o", 32))}
	proof := Sign(key, "GET", "A.example.com", "/x?y=1", "t1", now)
	for _, c := range []struct {
		name                                string
		keys                                []Key
		proof, method, host, target, tenant string
		at                                  time.Duration
		want                                bool
	}{
		{"as it was signed", []Key{key}, proof, "GET", "A.example.com", "/x?y=1", "t1", 0, true},
		{"the host's case does not matter", []Key{key}, proof, "GET", "a.Example.com", "/x?y=1", "t1", 0, true},
		{"beside an older key", []Key{old, key}, proof, "GET", "a.example.com", "/x?y=1", "t1", 0, true},
		{"after exactly one minute", []Key{key}, proof, "GET", "a.example.com", "/x?y=1", "t1", time.Minute, true},
		{"too late", []Key{key}, proof, "GET", "a.example.com", "/x?y=1", "t1", time.Minute + time.Second, false},
		{"too early", []Key{key}, proof, "GET", "a.example.com", "/x?y=1", "t1", -time.Minute - time.Second, false},
		{"another method", []Key{key}, proof, "POST", "a.example.com", "/x?y=1", "t1", 0, false},
		{"another host", []Key{key}, proof, "GET", "b.example.com", "/x?y=1", "t1", 0, false},
		{"another path", []Key{key}, proof, "GET", "a.example.com", "/z?y=1", "t1", 0, false},
		{"another query", []Key{key}, proof, "GET", "a.example.com", "/x?y=2", "t1", 0, false},
		{"another tenant", []Key{key}, proof, "GET", "a.example.com", "/x?y=1", "t2", 0, false},
		{"a key that was removed", []Key{old}, proof, "GET", "a.example.com", "/x?y=1", "t1", 0, false},
		{"another key id", []Key{key, old}, strings.Replace(proof, "k1", "k0", 1), "GET", "a.example.com", "/x?y=1", "t1", 0, false},
		{"another time", []Key{key}, strings.Replace(proof, "1800000000", "1800000001", 1), "GET", "a.example.com", "/x?y=1", "t1", 0, false},
		{"another version", []Key{key}, "v2" + proof[2:], "GET", "a.example.com", "/x?y=1", "t1", 0, false},
		{"no proof", []Key{key}, "", "GET", "a.example.com", "/x?y=1", "t1", 0, false},
		{"a tenant moved into the target by a line feed", []Key{key}, proof, "GET", "a.example.com", "/x?y=1\nt1", "", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Verify(c.keys, c.proof, c.method, c.host, c.target, c.tenant, now.Add(c.at))
			if (err == nil) != c.want {
				t.Fatalf("verified: %v", err)
			}
		})
	}
}

func TestProofKeysHideTheirSecret(t *testing.T) {
	key := Key{ID: "k1", Secret: []byte("very-secret")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(format, key); strings.Contains(s, "very-secret") || strings.Contains(s, "118") {
			t.Errorf("%s prints %s", format, s)
		}
	}
	if err := key.Check(); err == nil || strings.Contains(err.Error(), "very-secret") {
		t.Errorf("a short secret is refused with %v", err)
	}
}

func FuzzProof(f *testing.F) {
	key := Key{ID: "k1", Secret: []byte(strings.Repeat("s", 32))}
	now := time.Unix(1_800_000_000, 0)
	good := Sign(key, "GET", "a.io", "/", "t1", now)
	f.Add(good)
	f.Add("v1;k1;;")
	f.Fuzz(func(t *testing.T, proof string) {
		if err := Verify([]Key{key}, proof, "GET", "a.io", "/", "t1", now); err == nil && !strings.EqualFold(proof, good) {
			if !strings.HasPrefix(proof, "v1;k1;") {
				t.Fatalf("%q is valid", proof)
			}
		}
	})
}
