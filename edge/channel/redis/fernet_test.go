package redis

import (
	"bytes"
	"crypto/aes"
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
	"github.com/tenantedge/tenantedge/edge/channel/internal/message"
)

// The vector is generate.json of https://github.com/fernet/spec.
func TestFernetTokensAreThoseOfTheSpecification(t *testing.T) {
	const want = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=="
	secret, err := base64.URLEncoding.DecodeString("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=")
	if err != nil {
		t.Fatal(err)
	}
	var key fernetKey
	copy(key.sign[:], secret[:16])
	if key.block, err = aes.NewCipher(secret[16:]); err != nil {
		t.Fatal(err)
	}
	made := time.Unix(499162800, 0)
	got, err := key.encrypt([]byte("hello"), bytes.NewReader([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}), made)
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
	for _, test := range []struct {
		name  string
		token string
		life  time.Duration
		now   time.Time
		ok    bool
	}{
		{"in time", want, 60 * time.Second, made.Add(60 * time.Second), true},
		{"too old", want, 60 * time.Second, made.Add(61 * time.Second), false},
		{"of any age", want, 0, made.Add(time.Hour), true},
		{"slightly in the future", want, 60 * time.Second, made.Add(-60 * time.Second), true},
		{"far in the future", want, 60 * time.Second, made.Add(-61 * time.Second), false},
		{"truncated", want[:40], 0, made, false},
		{"empty", "", 0, made, false},
		{"not base64", "*" + want[1:], 0, made, false},
		{"other version", "h" + want[1:], 0, made, false},
		{"changed", want[:60] + "A" + want[61:], 0, made, false},
	} {
		plain, err := key.decrypt([]byte(test.token), test.life, test.now)
		if ok := err == nil && string(plain) == "hello"; ok != test.ok {
			t.Errorf("%s: got %q, %v", test.name, plain, err)
		}
	}
}

func TestMessagesAreReadWithAnyKeyAndWrittenWithTheFirst(t *testing.T) {
	var all []codec
	for _, keys := range [][]string{{"old"}, {"new", "old"}, {"other"}} {
		config, err := Config{Hosts: []string{"redis://127.0.0.1"}, Keys: keys}.complete()
		if err != nil {
			t.Fatal(err)
		}
		c, err := newCodec(config, 12, 70*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	read := func(from, to codec) error {
		b, err := from.encode(entries(t, "secret"), false)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("secret")) {
			t.Error("the message can be read by anyone")
		}
		_, _, err = to.decode(b)
		return err
	}
	if err := read(all[0], all[1]); err != nil {
		t.Error(err)
	}
	for _, c := range []codec{all[0], all[2]} {
		if err := read(all[1], c); !errors.Is(err, channel.ErrMessage) {
			t.Errorf("got %v, expected %v", err, channel.ErrMessage)
		}
	}
}

// entries returns a message in its wire form.
func entries(t *testing.T, kind string, fields ...channel.Field) *message.Entries {
	t.Helper()
	m, err := message.Parse(channeltest.Message(t, kind, fields...).AppendMsgPack(nil))
	if err != nil {
		t.Fatal(err)
	}
	return &m
}
