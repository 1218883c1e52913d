package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/serve"
)

// healthTime bounds how long check --health waits for the edge.
const healthTime = 5 * time.Second

// checkHealth asks the admin listener of the edge that runs on this machine with a
// configuration whether it is ready.
func checkHealth(ctx context.Context, path string) error {
	file, err := loadConfig(path)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(file.Admin)
	if _, named := config.SocketName(file.Admin); err != nil || named {
		return file.At(fmt.Errorf("expected an address that can be asked, found %q; use an address such as \"127.0.0.1:8081\"", file.Admin), "admin")
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	if len(file.AdminTLS) > 0 {
		scheme = "https"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	// The certificate is for a name, and the answer is no secret.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	response, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("check: the edge does not answer: %w", err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // as much as can be read
	if response.StatusCode == http.StatusOK {
		return nil
	}
	var ready serve.Readiness
	if json.Unmarshal(body, &ready) == nil && ready.Reason != "" {
		return fmt.Errorf("check: the edge is not ready: %s", ready.Reason)
	}
	return fmt.Errorf("check: the edge is not ready: its admin listener answered %s", response.Status)
}
