package artifact

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"
)

// Options say how to reach a registry. The zero value works.
type Options struct {
	// CAFile has certificates, PEM, of authorities that are trusted besides those of
	// the system. Empty: none.
	CAFile string
	// PlainHTTP uses HTTP without TLS. A registry on a loopback address is reached
	// by HTTP anyway, unless there is a CAFile.
	PlainHTTP bool
	// Timeout bounds a transfer: a pull, a push, a list of tags or the manifest of
	// one tag. 0: a minute, in which a slow line of 10 Mbit/s carries the largest guest.
	Timeout time.Duration
	// Credentials is the file with credentials, as docker login and oras login write
	// it. Empty: config.json in the folder $DOCKER_CONFIG or else ~/.docker.
	Credentials string
}

const (
	defaultTimeout = time.Minute
	// patience bounds each step before a response begins.
	patience     = 15 * time.Second
	maxRedirects = 5
	maxTagPages  = 100
)

// retries are fewer than the library's, which take up to 15 seconds: a person waits
// for a push, and an edge tries again later.
var retries = &retry.GenericPolicy{
	Retryable: retry.DefaultPredicate, Backoff: retry.DefaultBackoff,
	MinWait: 100 * time.Millisecond, MaxWait: time.Second, MaxRetry: 2,
}

// withTimeout bounds a transfer.
func (o Options) withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := o.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	return context.WithTimeoutCause(ctx, timeout, fmt.Errorf("the registry took more than %v", timeout))
}

// open returns a client of the repository of r. The caller calls done at the end.
func open(r Reference, o Options) (repository *remote.Repository, done func(), err error) {
	transport, err := o.transport()
	if err != nil {
		return nil, nil, err
	}
	credential, err := o.credential()
	if err != nil {
		return nil, nil, err
	}
	return &remote.Repository{
		Reference: registry.Reference{Registry: r.Registry, Repository: r.Repository},
		PlainHTTP: o.PlainHTTP || o.CAFile == "" && r.isLoopback(),
		Client: &auth.Client{
			Client:     &http.Client{Transport: &retry.Transport{Base: transport, Policy: func() retry.Policy { return retries }}, CheckRedirect: checkRedirect},
			Header:     http.Header{"User-Agent": {"tenantedge"}},
			Cache:      auth.NewCache(),
			ClientID:   "tenantedge",
			Credential: credential,
		},
		TagListMaxPages:  maxTagPages,
		MaxMetadataBytes: maxMetadata,
	}, transport.CloseIdleConnections, nil
}

func (o Options) transport() (*http.Transport, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: patience}).DialContext,
		TLSHandshakeTimeout:   patience,
		ResponseHeaderTimeout: patience,
		// Digests and sizes are those of the bytes as they are sent.
		DisableCompression: true,
		ForceAttemptHTTP2:  true,
		TLSClientConfig:    &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if o.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("the certificates of the registry's authority: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: expected PEM certificates of the registry's authority, found none", o.CAFile)
	}
	t.TLSClientConfig.RootCAs = roots
	return t, nil
}

// Check reports a CAFile that cannot be read or has no certificates.
func (o Options) Check() error {
	_, err := o.transport()
	return err
}

// credential returns the credentials of the file. It is read for each transfer, so
// that a login takes effect at once.
func (o Options) credential() (auth.CredentialFunc, error) {
	path := o.Credentials
	if path == "" {
		folder := os.Getenv("DOCKER_CONFIG")
		if folder == "" {
			home, err := os.UserHomeDir()
			if err != nil { // a service without a home folder
				return nil, nil
			}
			folder = filepath.Join(home, ".docker")
		}
		path = filepath.Join(folder, "config.json")
	}
	store, err := credentials.NewStore(path, credentials.StoreOptions{})
	if err != nil {
		return nil, fmt.Errorf("the credentials of registries: %w", err)
	}
	return credentials.Credential(store), nil
}

// checkRedirect refuses redirects from HTTPS to HTTP. The client of oras-go removes
// credentials from requests to another origin.
func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("expected at most %d redirects, found more", maxRedirects)
	}
	if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return errors.New("expected redirects to https, found one to http")
	}
	return nil
}
