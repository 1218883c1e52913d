package session

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestAKeyNeverPrints(t *testing.T) {
	const secret = "hunter2"
	k := NewKey(secret)
	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%o", "%b", "%t"} {
		printed = append(printed, fmt.Sprintf(verb, k), fmt.Sprintf(verb, &k), fmt.Sprintf(verb, []Key{k}), fmt.Sprintf(verb, Config{Keys: []Key{k}}))
	}
	asJSON, err := json.Marshal(Config{Keys: []Key{k}}.Keys)
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("key", "key", k, "keys", []Key{k})
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("key", "key", k, "keys", []Key{k})
	printed = append(printed, string(asJSON), logged.String(), k.String())
	forms := []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprint([]byte(secret)), fmt.Sprintf("%c", []byte(secret)), "104"}
	for _, text := range printed {
		for _, form := range forms {
			if strings.Contains(text, form) {
				t.Errorf("%s has %s", text, form)
			}
		}
	}
}
