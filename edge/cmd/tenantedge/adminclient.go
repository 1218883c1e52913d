package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
)

// adminClient sends requests to the admin listener of a running edge.
type adminClient struct {
	url       string
	tokenEnv  string
	tokenFile string
	ca        string
	reason    string

	tokenOptional bool   // requests without a token are sent too
	maxAnswer     int64  // 0: maxAnswer
	lacks         string // what an edge lacks that answers 404; empty: an admin token
}

// defaultTokenEnv is the variable that has the token unless a flag names another.
const defaultTokenEnv = "TENANTEDGE_TOKEN"

func (a *adminClient) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&a.url, "admin", "http://127.0.0.1:8081", "`URL` of the admin listener")
	f.StringVar(&a.tokenEnv, "token-env", defaultTokenEnv, "`VARIABLE` that has the admin token")
	f.StringVar(&a.tokenFile, "token-file", "", "`FILE` that has the admin token")
	f.StringVar(&a.ca, "ca", "", "`FILE` with certificates of the authority, PEM; default: those of the system")
}

func (a *adminClient) addReason(c *cobra.Command) {
	c.Flags().StringVar(&a.reason, "reason", "", "`TEXT` for the audit log: why the guest is changed")
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 4 << 20

// send sends a request and decodes the JSON of its answer. An answer other than 200 is
// an error, with the reason that the edge gives.
func (a *adminClient) send(ctx context.Context, method, path string, body []byte, header http.Header, answer any) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	token, err := a.token()
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(a.url, "/")+path, bytes.NewReader(body))
	if err != nil {
		return usagef("--admin: expected a URL such as http://127.0.0.1:8081, found %q", a.url)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if a.reason != "" {
		if strings.ContainsFunc(a.reason, unicode.IsControl) {
			return usagef("--reason: expected one line without control characters, found others")
		}
		r.Header.Set("Tenantedge-Reason", a.reason)
	}
	response, err := client.Do(r)
	if err != nil {
		return a.unreachable(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, cmp.Or(a.maxAnswer, maxAnswer)))
	if err != nil {
		return fmt.Errorf("reading the answer of the edge: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return a.refusal(response, text, token != "")
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("expected the answer of an edge of this version, found %.100q: %w", text, err)
	}
	return nil
}

// unreachable returns the error of a request without an answer.
func (a *adminClient) unreachable(err error) error {
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		err = outer.Err // the URL has what --admin does not: the route
	}
	remedy := "start it, or name its address with --admin"
	if unknown := (*tls.CertificateVerificationError)(nil); errors.As(err, &unknown) {
		remedy = "name its authority with --ca"
	}
	return fmt.Errorf("expected the admin listener of an edge at %s: %w; %s", a.url, err, remedy)
}

// errNotFound is the error of an edge that lacks a route, and of another server.
var errNotFound = errors.New("the edge answered 404")

// refusal returns the error of an answer that is not 200.
func (a *adminClient) refusal(response *http.Response, text []byte, hadToken bool) error {
	var reason struct {
		Error string `json:"error"`
	}
	switch err := json.Unmarshal(text, &reason); {
	case response.StatusCode == http.StatusUnauthorized && reason.Error != "":
		remedy := "set the variable " + a.tokenEnv + ", or use --token-env or --token-file"
		if hadToken {
			remedy = "correct the one in " + cmp.Or(a.tokenFile, "the variable "+a.tokenEnv)
		}
		return fmt.Errorf("the edge answered 401: %s; %s", reason.Error, remedy)
	case err == nil && reason.Error != "":
		return fmt.Errorf("the edge answered %d: %s", response.StatusCode, reason.Error)
	case response.StatusCode == http.StatusNotFound:
		lacks := cmp.Or(a.lacks, "with an admin token (admin_token_env or admin_tokens in its configuration)")
		return fmt.Errorf("%w: expected the admin listener of an edge %s, found none at %s; name its address with --admin", errNotFound, lacks, a.url)
	default:
		return fmt.Errorf("expected an answer of the admin listener of an edge at %s, found %s, %.200q; name its address with --admin", a.url, response.Status, strings.TrimSpace(string(text)))
	}
}

func (a *adminClient) token() (string, error) {
	if a.tokenFile != "" {
		data, _, err := readFile(a.tokenFile, "a file that has the admin token", maxKeyFile)
		if err != nil {
			return "", fmt.Errorf("--token-file: %w", err)
		}
		return strings.TrimSpace(string(data)), nil
	}
	token := os.Getenv(a.tokenEnv)
	if token == "" && !a.tokenOptional {
		return "", usagef("expected the admin token in the variable %s, found none; set it, or name another with --token-env or --token-file", a.tokenEnv)
	}
	return token, nil
}

func (a *adminClient) client() (*http.Client, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	if a.ca != "" {
		pem, _, err := readFile(a.ca, "certificates in PEM", maxAnswer)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca: expected certificates in PEM in %s, found none", a.ca)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	// A redirect would send the token elsewhere.
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}
