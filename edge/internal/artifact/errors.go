package artifact

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode"

	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// ErrNotFound is the error for a guest that the registry does not have.
var ErrNotFound = errdef.ErrNotFound

// Error is the reason why a transfer failed.
type Error struct {
	// Reference is what was asked for.
	Reference Reference
	// Err is the cause.
	Err error
	// text is the cause without secrets, with what to do.
	text string
}

func (e *Error) Error() string { return e.Reference.String() + ": " + e.text }

func (e *Error) Unwrap() error { return e.Err }

// failed returns the error of a transfer that err ended, nil for nil.
func failed(ctx context.Context, r Reference, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil { // err says that it was canceled; the cause says why
		err = context.Cause(ctx)
	}
	text := printable(err.Error())
	if remedy := remedyOf(r, err); remedy != "" {
		text += "; " + remedy
	}
	return &Error{r, err, text}
}

func remedyOf(r Reference, err error) string {
	var response *errcode.ErrorResponse
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.Is(err, errdef.ErrNotFound):
		return "push the guest, or correct the name"
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return login(r)
	case errors.Is(err, http.ErrSchemeMismatch):
		return "the registry speaks HTTP without TLS, which must be allowed: guest.registry.plain_http in a configuration, or --plain-http"
	case errors.As(err, &unknown):
		return "name a file with the certificates of the registry's authority: guest.registry.ca_file in a configuration, --registry-ca, or SSL_CERT_FILE in the environment"
	case !errors.As(err, &response):
		return ""
	}
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return login(r)
	case http.StatusNotFound:
		return "push the guest, or correct the name"
	}
	return ""
}

func login(r Reference) string {
	return fmt.Sprintf("log in with `docker login %s` or `oras login %s` as the user of this process, or get access to the repository", r.Registry, r.Registry)
}

// query matches the queries of URLs: those of a redirect may have a token.
var query = regexp.MustCompile(`\?[^"\s]*`)

// maxText bounds the text of an error, of which a registry sends a part.
const maxText = 1 << 10

// printable returns text that a registry influences, for logs and terminals.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\n' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, query.ReplaceAllString(text, ""))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
