package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// fixtures are sessions that Django wrote; see testdata/generate.py.
type fixtures struct {
	Key, Old string
	Signed   int64
	Cases    []fixture
}

type fixture struct {
	Name, Backend, Value, Salt string
	Content                    map[string]any
	Invalid                    string // why the session does not count: "forged", "pickled" or "unreadable"
}

func load(t testing.TB) fixtures {
	t.Helper()
	data, err := os.ReadFile("testdata/sessions.json")
	if err != nil {
		t.Fatal(err)
	}
	var f fixtures
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Cases) < 50 {
		t.Fatalf("%d fixtures, which cannot be all", len(f.Cases))
	}
	return f
}

// rows is a Store in memory.
type rows map[string]row

type row struct {
	data    string
	expires time.Time
	err     error
}

func (s rows) SessionData(_ context.Context, key string) (string, time.Time, bool, error) {
	r, ok := s[key]
	return r.data, r.expires, ok, r.err
}

const rowKey = "abcdefghijklmnopqrstuvwxyz012345"

// reader returns a Reader at a time one minute after c was signed, and a request
// with c.
func (f fixtures) reader(t testing.TB, c fixture) (*Reader, *http.Request) {
	t.Helper()
	now := time.Unix(f.Signed, 0).Add(time.Minute)
	config := Config{Keys: []Key{NewKey(f.Key), NewKey(f.Old)}, Salt: c.Salt, Logger: slog.New(slog.DiscardHandler)}
	cookie := c.Value
	if c.Backend == "db" {
		config.Store = rows{rowKey: {data: c.Value, expires: now.Add(time.Hour)}}
		cookie = rowKey
	}
	r, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() }) // it returns nil
	r.now = func() time.Time { return now }
	return r, request("sessionid=" + cookie)
}

func request(cookies ...string) *http.Request {
	return &http.Request{Header: http.Header{"Cookie": cookies}}
}

func read(t testing.TB, r *Reader, req *http.Request) map[string]json.RawMessage {
	t.Helper()
	data, err := r.Session(context.Background(), req.Header)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSessionsThatDjangoWroteAreRead(t *testing.T) {
	f := load(t)
	for _, c := range f.Cases {
		t.Run(c.Backend+"/"+c.Name, func(t *testing.T) {
			r, req := f.reader(t, c)
			data := read(t, r, req)
			if c.Invalid != "" {
				if data != nil {
					t.Errorf("read %s, want no session", data)
				}
				if got, want := r.Stats(), statsOf(c.Invalid); got != want {
					t.Errorf("counted %+v, want %+v", got, want)
				}
				return
			}
			if data == nil {
				t.Fatalf("no session: %+v", r.Stats())
			}
			got := make(map[string]any, len(data))
			for key, raw := range data {
				var v any
				if err := json.Unmarshal(raw, &v); err != nil {
					t.Fatal(err)
				}
				got[key] = v
			}
			if !reflect.DeepEqual(got, c.Content) {
				t.Errorf("read %v, want %v", got, c.Content)
			}
			if want := (Stats{Valid: 1}); r.Stats() != want {
				t.Errorf("counted %+v, want %+v", r.Stats(), want)
			}
		})
	}
}

func statsOf(why string) Stats {
	switch why {
	case "forged":
		return Stats{Forged: 1}
	case "pickled":
		return Stats{Pickled: 1}
	}
	return Stats{Unreadable: 1}
}

func (f fixtures) named(t testing.TB, backend, name string) fixture {
	t.Helper()
	for _, c := range f.Cases {
		if c.Backend == backend && c.Name == name {
			return c
		}
	}
	t.Fatalf("no fixture %s of %s", name, backend)
	return fixture{}
}

func TestASignatureCoversEveryByte(t *testing.T) {
	f := load(t)
	for _, backend := range []string{"signed_cookies", "db"} {
		for _, name := range []string{"tenant", "compressed"} {
			c := f.named(t, backend, name)
			cookie := c.Value
			var forgeries []string
			for i := range len(cookie) {
				for _, mask := range []byte{0x01, 0x02, 0x20} {
					b := []byte(cookie)
					b[i] ^= mask
					forgeries = append(forgeries, string(b))
				}
				forgeries = append(forgeries, cookie[:i], cookie[i+1:], cookie[:i]+cookie[i+1:], cookie[:i]+"A"+cookie[i:])
			}
			forgeries = append(forgeries, cookie+"=", cookie+":", ":"+cookie, cookie+":"+cookie)
			for _, forged := range forgeries {
				if forged == cookie {
					continue
				}
				if payload, _, err := signerOf(t, f, c).unsign(forged); err == nil {
					t.Fatalf("%s is accepted as signed, payload %s", forged, payload)
				}
			}
		}
	}
}

func signerOf(t testing.TB, f fixtures, c fixture) signer {
	r, _ := f.reader(t, c)
	return r.signer
}

func TestSignedCookiesExpire(t *testing.T) {
	f := load(t)
	day, minute := 24*time.Hour, time.Minute
	for _, c := range []struct {
		name, session string
		maxAge        time.Duration
		after         time.Duration
		valid         bool
	}{
		{"just before the default age", "tenant", 0, 14 * day, true},
		{"just after the default age", "tenant", 0, 14*day + time.Second, false},
		{"at a shorter configured age", "tenant", minute, minute, true},
		{"just after a shorter configured age", "tenant", minute, minute + time.Second, false},
		{"signed by a clock that is ahead", "tenant", 0, -time.Hour, true},
		{"before its own expiry", "expires in five minutes", 0, 5*minute - time.Second, true},
		{"at its own expiry", "expires in five minutes", 0, 5 * minute, false},
		{"the age still counts with an expiry", "expires in five minutes", minute, 2 * minute, false},
		{"expiry with the browser is the default age", "expires with the browser", 0, 13 * day, true},
		{"before its day", "expires on a day", 0, time.Unix(1790035199, 0).Sub(time.Unix(1790000000, 0)), true},
		{"on its day", "expires on a day", 0, time.Unix(1790035200, 0).Sub(time.Unix(1790000000, 0)), false},
		{"before its local time", "expires on a day, local time", 0, time.Unix(1790035200, 0).Sub(time.Unix(1790000000, 0)), true},
		{"after its local time", "expires on a day, local time", 0, time.Unix(1790035201, 0).Sub(time.Unix(1790000000, 0)), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, req := f.reader(t, f.named(t, "signed_cookies", c.session))
			r.now = func() time.Time { return time.Unix(f.Signed, 0).Add(c.after) }
			if c.maxAge != 0 {
				r.maxAge = c.maxAge
			}
			if data := read(t, r, req); (data != nil) != c.valid {
				t.Errorf("session is %s, valid should be %v", data, c.valid)
			}
			if got := r.Stats().Expired; (got == 1) == c.valid {
				t.Errorf("counted %d expired sessions", got)
			}
		})
	}
}

func TestAnUnreadableExpiryIsExpired(t *testing.T) {
	for text, want := range map[string]bool{
		`{"_session_expiry": "tomorrow"}`: false, `{"_session_expiry": [1]}`: false, `{"_session_expiry": -5}`: false,
		`{"_session_expiry": 1e300}`: true, `{"_session_expiry": null}`: true, `{"_session_expiry": "2100-01-01T00:00:00"}`: true, `{}`: true,
	} {
		var data map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &data); err != nil {
			t.Fatal(err)
		}
		now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
		at, ok := expiryOf(data, now)
		if got := !ok || at.After(now); got != want {
			t.Errorf("%s: valid is %v, want %v", text, got, want)
		}
	}
}

func TestRowsExpireAtTheirDate(t *testing.T) {
	f := load(t)
	c := f.named(t, "db", "tenant")
	now := time.Unix(f.Signed, 0).Add(1000 * 24 * time.Hour) // the age of the signature is not checked
	for _, e := range []struct {
		expires time.Time
		valid   bool
	}{{now.Add(time.Second), true}, {now, false}, {now.Add(-time.Second), false}} {
		r, req := f.reader(t, c)
		r.now = func() time.Time { return now }
		r.table.store = rows{rowKey: {data: c.Value, expires: e.expires}}
		if data := read(t, r, req); (data != nil) != e.valid {
			t.Errorf("a session until %v is %s at %v", e.expires, data, now)
		}
	}
}

// failingStore is a Store that must not be queried.
type failingStore struct{ t *testing.T }

func (s failingStore) SessionData(_ context.Context, key string) (string, time.Time, bool, error) {
	s.t.Errorf("the store was queried for %q", key)
	return "", time.Time{}, false, nil
}

func TestAKeyThatDjangoNeverGeneratesCausesNoQuery(t *testing.T) {
	f := load(t)
	r, _ := f.reader(t, f.named(t, "db", "tenant"))
	r.table.store = failingStore{t}
	for _, key := range []string{"short", "ABCDEFGHIJ", "abcdefgh'--", "abcd efgh", strings.Repeat("a", 41), "äöüäöüäöü", `"`, "%00000000"} {
		if data := read(t, r, request("sessionid="+key)); data != nil {
			t.Errorf("%q has the session %s", key, data)
		}
	}
	if got := r.Stats(); got != (Stats{Unknown: 5, Absent: 3}) { // three values are not in plain form, so there is no cookie
		t.Errorf("counted %+v", got)
	}
}

func TestAStoreThatFailsIsAnError(t *testing.T) {
	f := load(t)
	r, req := f.reader(t, f.named(t, "db", "tenant"))
	down := errors.New("connection refused")
	r.table.store = rows{rowKey: {err: down}}
	if data, err := r.Session(context.Background(), req.Header); !errors.Is(err, down) || data != nil {
		t.Errorf("session is %s, error %v", data, err)
	}
	if got := r.Stats(); got != (Stats{Failed: 1}) {
		t.Errorf("counted %+v", got)
	}
}

func TestAMissingSessionIsNoError(t *testing.T) {
	f := load(t)
	r, _ := f.reader(t, f.named(t, "db", "tenant"))
	if data := read(t, r, request("sessionid=zzzzzzzzzzzzzzzz")); data != nil {
		t.Errorf("a missing session is %s", data)
	}
}

func TestEverySpellingOfTheSessionsCookieIsRemoved_G3(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"sessionid=a"}, ""},
		{[]string{"theme=dark; sessionid=a;lang=de"}, "theme=dark; lang=de"},
		{[]string{"sessionid=a; a=1", "sessionid=b; b=2"}, "a=1; b=2"},
		{[]string{"SessionID=a; \tsessionid =b; \u00a0sessionid=c; \xa0sessionid\x85=d; \"sessionid\"=e; a=sessionid=f"}, "a=sessionid=f"},
		{[]string{"sessionid2=a; xsessionid=b; sessionid; a"}, "sessionid2=a; xsessionid=b; a"},
		{[]string{"a=1;;  b=2"}, "a=1; b=2"},
		{nil, ""},
	} {
		h := http.Header{"Cookie": c.lines}
		(&Reader{cookie: "sessionid"}).RemoveSession(h)
		if got := h.Get("Cookie"); got != c.want || len(h["Cookie"]) > 1 {
			t.Errorf("of %q, %q remains, want %q", c.lines, h["Cookie"], c.want)
		}
	}
}

func TestARepeatedWarningIsLoggedOnce(t *testing.T) {
	f := load(t)
	for _, name := range []string{"pickle protocol 4", `JSON ["tenant"]`} {
		r, req := f.reader(t, f.named(t, "signed_cookies", name))
		var logged bytes.Buffer
		r.logger = slog.New(slog.NewTextHandler(&logged, nil))
		for range 5 {
			read(t, r, req)
		}
		if got := strings.Count(logged.String(), "level=WARN"); got != 1 {
			t.Errorf("%s: %d warnings, want 1:\n%s", name, got, &logged)
		}
		if strings.Contains(logged.String(), "t1") || strings.Contains(logged.String(), f.Key) {
			t.Errorf("%s: the log has contents of the session or the key:\n%s", name, &logged)
		}
	}
}

func TestNewNeedsAKey(t *testing.T) {
	for _, keys := range [][]Key{nil, {{}}, {NewKey("a"), NewKey("")}} {
		if _, err := New(Config{Keys: keys}); err == nil {
			t.Errorf("New accepts %d keys of which one is missing or empty", len(keys))
		}
	}
	r, err := New(Config{Keys: []Key{NewKey("a")}})
	if err != nil {
		t.Fatal(err)
	}
	if data := read(t, r, request()); data != nil || r.Stats() != (Stats{Absent: 1}) {
		t.Errorf("a request without cookies has %s: %+v", data, r.Stats())
	}
}

func TestAReaderServesManyRequestsAtOnce(t *testing.T) {
	f := load(t)
	for _, backend := range []string{"signed_cookies", "db"} {
		r, req := f.reader(t, f.named(t, backend, "compressed"))
		odd, _ := f.reader(t, f.named(t, backend, "pickle protocol 2"))
		odd.now, odd.signer = r.now, r.signer
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 50 {
					if data, err := r.Session(context.Background(), req.Header); err != nil || string(data["tenant"]) != `"t4"` {
						t.Errorf("%s: %s, %v", backend, data["tenant"], err)
					}
					_, _ = odd.Session(context.Background(), req.Header)
					_ = r.Stats()
				}
			})
		}
		wg.Wait()
		if got := r.Stats().Valid; got != 400 {
			t.Errorf("%s: counted %d, want 400", backend, got)
		}
	}
}
