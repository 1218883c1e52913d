package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

// probeTimeout limits the wait for each server.
const probeTimeout = 10 * time.Second

// probe contacts a server that the file names at key.
type probe struct {
	key   []string
	check func(context.Context) error
}

// servers contacts all servers that the file names, concurrently.
func (o *checkOptions) servers(ctx context.Context, file *config.File, p *serve.Parts, r *checkReport) {
	probes := probesOf(file, p)
	errs := make([]error, len(probes))
	var all sync.WaitGroup
	for i, p := range probes {
		all.Go(func() {
			limited, cancel := context.WithTimeout(ctx, probeTimeout)
			defer cancel()
			errs[i] = p.check(limited)
		})
	}
	all.Wait()
	for i, p := range probes {
		r.fail(kindOnline, file.At(errs[i], p.key...))
	}
}

// probesOf returns a probe for each server, in a fixed order.
func probesOf(file *config.File, p *serve.Parts) []probe {
	var probes []probe
	if source, ok := p.Source.(*postgres.Source); ok {
		probes = append(probes, probe{[]string{"directory"}, func(context.Context) error {
			if s := p.Config.Directory.Stats(); s.Generation > 0 && s.Degraded == "" && !source.Notified() {
				return errors.New("expected triggers that notify of changes on the tables of tenants and domains, found none; run `tenantedge db init`, otherwise edges see changes only after poll_interval")
			}
			return nil
		}})
	}
	if p.SessionStore != nil {
		probes = append(probes, probe{[]string{"sessions"}, func(ctx context.Context) error {
			_, _, _, err := p.SessionStore.SessionData(ctx, "tenantedge-check")
			return err
		}})
	}
	if pinger, ok := p.Config.Channels.(interface{ Ping(context.Context) error }); ok {
		probes = append(probes, probe{[]string{"channels", "redis"}, pinger.Ping})
	}
	if file.Media != nil && file.Media.S3 != nil {
		probes = append(probes, probe{[]string{"media", "s3"}, func(ctx context.Context) error { return probeBucket(ctx, file) }})
	}
	seen := []string{}
	upstream := func(u *url.URL, keys ...string) {
		if u == nil || slices.Contains(seen, u.Scheme+u.Host) {
			return
		}
		seen = append(seen, u.Scheme+u.Host)
		probes = append(probes, probe{keys, func(ctx context.Context) error { return probeUpstream(ctx, u) }})
	}
	// Sorted: if several keys name one address, every run reports the same one.
	for _, name := range slices.Sorted(maps.Keys(file.URLConfs)) {
		upstream(file.URLConfs[name].Upstream, "urlconfs", name)
	}
	for _, name := range slices.Sorted(maps.Keys(file.WSTargets)) {
		routes := file.WSTargets[name]
		for _, route := range slices.Sorted(maps.Keys(routes)) {
			upstream(routes[route].Upstream, "ws_urlconfs", name)
		}
	}
	return probes
}

func probeBucket(ctx context.Context, file *config.File) error {
	bucket, err := serve.OpenFiles(&config.Media{S3: file.Media.S3, BaseURL: file.Media.BaseURL}, nil)
	if err != nil {
		return err
	}
	defer func() { _ = bucket.Close() }() // it was only checked
	if checks, ok := bucket.(interface{ Check(context.Context) error }); ok {
		return checks.Check(ctx)
	}
	return nil
}

// probeUpstream only connects: there is no request that every application answers.
func probeUpstream(ctx context.Context, u *url.URL) error {
	port, secure := u.Port(), u.Scheme == "https" || u.Scheme == "wss"
	if port == "" {
		port = map[bool]string{false: "80", true: "443"}[secure]
	}
	address := net.JoinHostPort(u.Hostname(), port)
	var conn net.Conn
	var err error
	if secure {
		conn, err = (&tls.Dialer{}).DialContext(ctx, "tcp", address)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return fmt.Errorf("expected a server that accepts connections at %s, found none; start it or correct the URL: %w", address, err)
	}
	return conn.Close()
}
