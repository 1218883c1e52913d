package instance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
)

const (
	bufferAt = 65536  // of wasmtest.Handmade
	longAt   = 130000 // has room for the longest reply; the guest does not write there
)

// replying adds an export that replies with s, which may be long.
func replying(g *wasmtest.Handmade, export, s string) *wasmtest.Handmade {
	return g.With(export, wasmtest.I64(abi.PackReply(longAt, uint32(len(s))))...).WithData(longAt, s)
}

// Each field of each reply is accepted at its bound, and the call fails one byte
// beyond it. The bounds are repeated here, so that a change of one fails the test.
func TestOneByteBeyondTheBoundOfEachFieldIsRejected_D1(t *testing.T) {
	g := sound().Replies(abi.ExportConfigure, `{"consumer":true}`)
	for e := Route; e < exportCount; e++ {
		if e != SelfTest {
			g.Mirrors(exportSpecs[e].name)
		}
	}
	p := mustLoad(t, g, Options{Limits: Limits{Instances: 1}})
	key := []int{abi.KeyResult: abi.MaxCacheKey, abi.KeyError: abi.MaxReason}
	effects := []int{
		abi.EffectsState: abi.MaxState, abi.EffectsProtocol: abi.MaxName, abi.EffectsKinds: abi.MaxEffects,
		abi.EffectsName0: abi.MaxName,
	}
	for e, fields := range map[Export][]int{
		Route: {
			abi.DecSchema: abi.MaxName, abi.DecTenantID: abi.MaxName, abi.DecDomain: abi.MaxName, abi.DecFolder: abi.MaxName,
			abi.DecReference: abi.MaxName, abi.DecURLConf: abi.MaxName, abi.DecWSURLConf: abi.MaxName, abi.DecPath: abi.MaxPath,
			abi.DecLocation: abi.MaxLocation, abi.DecIdentifier: abi.MaxName, abi.DecCachePrefix: abi.MaxName, abi.DecReason: abi.MaxReason,
			abi.DecRouteName: abi.MaxName, abi.DecRouteKwargs: abi.MaxKwargs, abi.DecHeader0: abi.MaxHeaderName, abi.DecHeader0 + 1: abi.MaxHeaderValue,
		},
		CacheKey:   key,
		ReverseKey: key,
		Pathname: {
			abi.PathIdentifier: abi.MaxName, abi.PathBaseLocation: abi.MaxPath, abi.PathTenantURL: abi.MaxLocation,
			abi.PathPath: abi.MaxPath, abi.PathURL: abi.MaxLocation, abi.PathError: abi.MaxReason,
		},
		Authorize:  {abi.AuthReason: abi.MaxReason},
		SocketOpen: effects, SocketMessage: effects, SocketClose: effects, SocketGroup: effects, SocketTimer: effects,
	} {
		for field, most := range fields {
			if err := mirrored(t, p, e, field, most); err != nil {
				t.Errorf("%s, field %d of %d bytes: %v", exportSpecs[e].name, field, most, err)
			}
			err := mirrored(t, p, e, field, most+1)
			var trap *Trap
			if want := fmt.Sprintf("expected at most %d bytes, found %d", most, most+1); !errors.As(err, &trap) || trap.Reason != stats.TrapReply || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, field %d of %d bytes: %v, want %q", exportSpecs[e].name, field, most+1, err, want)
			}
		}
	}
}

// mirrored has the guest reply with a message whose field has length bytes.
func mirrored(t *testing.T, p *Program, e Export, field, length int) error {
	t.Helper()
	i, err := p.Borrow(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Return(i)
	return i.Call(context.Background(), e, func([]byte) int {
		b := abi.Begin(make([]byte, length+1024), 0, field+2)
		b.Put(field, strings.Repeat("x", length))
		if !i.module.Memory().Write(bufferAt, b.Bytes()) {
			t.Fatalf("%d bytes do not fit", b.Size())
		}
		return b.Size()
	}, func(abi.Message) error { return nil })
}

// The reply of te_configure is bounded too. An error is truncated, since it is for
// people.
func TestOneStepBeyondEachBoundOfTheConfigurationIsRejected_D1(t *testing.T) {
	text := func(n int) string { return strings.Repeat("x", n) }
	names := func(n int) string { return `"` + strings.Repeat(`x","`, n-1) + `x"` }
	padded := func(n int) string { return `{"name":"` + text(100) + `"` + strings.Repeat(" ", n-111) + `}` }
	type row struct {
		key    string
		reply  func(n int) string
		most   int
		reason string
	}
	rows := []row{
		{"the size of the reply", padded, abi.MaxConfigured, "expected at most 65536"},
		{"name", func(n int) string { return `{"name":"` + text(n) + `"}` }, abi.MaxConfiguredText, "expected at most 1024"},
		{"version", func(n int) string { return `{"version":"` + text(n) + `"}` }, abi.MaxConfiguredText, "expected at most 1024"},
	}
	for _, list := range []string{"headers", "authorize_headers", "consumer_headers", "set_headers"} {
		rows = append(rows,
			row{list, func(n int) string { return `{"` + list + `":[` + names(n) + `]}` }, abi.MaxAskedHeaders, "expected at most 16"},
			row{"a name of " + list, func(n int) string { return `{"` + list + `":["` + text(n) + `"]}` }, abi.MaxHeaderName, "expected a token of at most 256"})
	}
	for _, c := range rows {
		for _, n := range []int{c.most, c.most + 1} {
			p, err := load(replying(sound(), abi.ExportConfigure, c.reply(n)), Options{})
			if err == nil {
				err = p.Close()
			}
			if n == c.most && err != nil || n > c.most && (err == nil || !strings.Contains(err.Error(), c.reason)) {
				t.Errorf("%s of %d: %v", c.key, n, err)
			}
		}
	}
	var refused *ConfigError
	if _, err := load(sound().Replies(abi.ExportConfigure, `{"error":"`+text(abi.MaxConfiguredText+1)+`"}`), Options{}); !errors.As(err, &refused) || len(refused.Reason) != abi.MaxConfiguredText {
		t.Errorf("a long error is reported as %v", err)
	}
}

// Not only each field is bounded, but also the size of a reply and its number of
// fields.
func TestOneStepBeyondTheBoundsOfAReplyIsRejected_D1(t *testing.T) {
	message := func(size, fields int) string {
		b := abi.Begin(make([]byte, size), 0, fields)
		return string(append(b.Bytes(), make([]byte, size-b.Size())...))
	}
	const headers, effects = abi.DecHeader0 + 2*abi.MaxHeaders, abi.EffectsName0 + 2*abi.MaxEffects
	for _, c := range []struct {
		export  Export
		at      string
		beyond  string
		problem string
	}{
		{CacheKey, message(abi.MaxReply, 2), message(abi.MaxReply+1, 2), "the reply: expected at most 131072 bytes, found 131073"},
		{CacheKey, message(4096, 2+abi.MaxFurther), message(4096, 3+abi.MaxFurther), "the reply: expected at most 34 fields, found 35"},
		{Route, message(4096, headers), message(4096, headers+1), "the reply: expected at most 32 headers, found 33"},
		{SocketMessage, message(4096, effects), message(4096, effects+2), "the reply: expected at most 64 effects, found 65"},
	} {
		for _, reply := range []string{c.at, c.beyond} {
			g := replying(consuming(), exportSpecs[c.export].name, reply)
			p := mustLoad(t, g, Options{Limits: Limits{Instances: 1}})
			i, err := p.Borrow(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			_, err = call(context.Background(), i, c.export)
			p.Return(i)
			if reply == c.at && err != nil || reply == c.beyond && (err == nil || !strings.Contains(err.Error(), c.problem)) {
				t.Errorf("%s replies %d bytes: %v, want %q beyond the bound", exportSpecs[c.export].name, len(reply), err, c.problem)
			}
		}
	}
}
