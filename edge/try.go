package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/smoke"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// trialConfig is the Config of a smoke.Trial.
type trialConfig struct {
	GuestConfig  abi.Config
	Limits       GuestLimits
	CompileCache string
}

// trial returns what another process needs to try a guest.
func (h *Host) trial(wasm []byte) (smoke.Trial, error) {
	c, err := json.Marshal(trialConfig{GuestConfig: h.config.GuestConfig, Limits: h.config.Limits, CompileCache: h.config.CompileCache})
	return smoke.Trial{Wasm: wasm, Memory: h.config.Limits.Memory, Config: c}, err
}

// Try loads and configures the guest of a trial, as New does, has it test itself,
// and has it answer made-up requests. It is for smoke.Main.
func Try(ctx context.Context, t smoke.Trial) (err error) {
	var trial trialConfig
	if err := json.Unmarshal(t.Config, &trial); err != nil {
		return fmt.Errorf("an invalid configuration: %w", err)
	}
	trial.Limits.Instances = 1
	// Fuel bounds the guest exactly. A short deadline would refuse guests on a
	// busy machine.
	trial.Limits.Deadline = max(trial.Limits.Deadline, 10*time.Second)
	h, err := New(ctx, Config{
		Guest: t.Wasm, GuestConfig: trial.GuestConfig, Limits: trial.Limits, CompileCache: trial.CompileCache,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	for _, r := range trialRequests(trial.GuestConfig.Tenants) {
		if _, err := h.Route(ctx, &r); err != nil {
			return fmt.Errorf("no decision on %s %s://%s%.80s: %w", r.Method, r.Scheme, r.Host, r.Target, withPrinted(err))
		}
	}
	return h.tryOthers(ctx)
}

// trialRequests returns requests of several kinds, to hosts of up to three of the
// tenants and to an unknown host, and malformed ones.
func trialRequests(tenants []abi.StaticTenant) []Request {
	hosts := []string{"smoke.invalid"}
	for _, t := range tenants {
		if len(t.Domains) > 0 && len(hosts) < 4 {
			hosts = append(hosts, t.Domains[0])
		}
	}
	var all []Request
	for _, host := range hosts {
		all = append(all,
			Request{Method: "GET", Scheme: "https", Host: host, Target: "/"},
			Request{Method: "POST", Scheme: "http", Host: host, Target: "/folder/a%20b/?c=d&e", Explain: true},
			Request{Method: "GET", Scheme: "https", Host: host, Target: "/ws/room/1/", Websocket: true},
		)
	}
	return append(all,
		Request{Method: "GET", Scheme: "http", NoHost: true, Target: "/"},
		Request{Method: "OPTIONS", Scheme: "http", Host: "[::1]:8080", Target: "*"},
		Request{Method: "GET", Scheme: "http", Host: "no host\x00", Target: "/" + strings.Repeat("a", 4096)},
	)
}

// tryOthers calls the exports other than te_route. A denial is an answer.
func (h *Host) tryOthers(ctx context.Context) error {
	smoke := &tenant.Tenant{Schema: "smoke"}
	key, cacheKey := h.CacheKey(ctx, smoke, "prefix", "1", "key")
	_, reverse := h.ReverseKey(ctx, key)
	_, pathname := h.Pathname(ctx, smoke, tenancy.PathQuery{Location: "/srv", BaseURL: "/media/", Name: "a b.txt", HasName: true})
	_, authorize := h.Authorize(ctx, FileRequest{Tenant: smoke, Method: "GET", Name: "a b.txt", Host: "smoke.invalid"})
	for _, err := range []error{cacheKey, reverse, pathname, authorize} {
		if errors.Is(err, ErrGuest) {
			return withPrinted(err)
		}
	}
	return nil
}

// withPrinted adds what the guest printed to an error of a trial, which writes no log.
func withPrinted(err error) error {
	var guest *GuestError
	if errors.As(err, &guest) && guest.Printed != "" {
		return fmt.Errorf("%w; the guest printed %q", err, guest.Printed)
	}
	return err
}
