package guests

// interned converts bytes that recur (names of urlconfs, schemas of static
// tenants) to strings without allocating each time. When it is full it is
// emptied, so that clients cannot make it grow. Each instance has its own, so it
// needs no lock.
type interned struct {
	m    map[string]string
	last [2]string // most recent results: most tenants share a urlconf of each kind
}

const (
	maxInterned       = 1024 // entries
	maxInternedLength = 128  // bytes of one
)

func (t *interned) get(b []byte) string {
	for _, s := range &t.last {
		if string(b) == s { // does not allocate
			return s
		}
	}
	if s, ok := t.m[string(b)]; ok {
		t.last = [2]string{s, t.last[0]}
		return s
	}
	s := string(b)
	if len(s) > maxInternedLength {
		return s
	}
	if t.m == nil || len(t.m) >= maxInterned {
		t.m = make(map[string]string)
	}
	t.m[s] = s
	return s
}

// pick returns the candidate that equals b, or else an interned string.
func (t *interned) pick(b []byte, candidates ...string) string {
	if len(b) == 0 {
		return ""
	}
	for _, c := range candidates {
		if c == string(b) {
			return c
		}
	}
	return t.get(b)
}
