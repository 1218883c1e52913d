package object

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// longestPresigned is the limit of S3.
const longestPresigned = 7 * 24 * time.Hour

// Presign returns a URL that allows one method (GET, HEAD or PUT) on one file, at
// the server itself, for a time from a second to seven days. It makes no request.
//
// GET answers with an attachment: all tenants share the server's host, where an
// uploaded page must not run. PUT requires the header "If-None-Match: *", which
// is part of the signature, and so overwrites nothing. Its size cannot be
// limited, so for a tenant with a quota PUT is ErrQuota.
func (v *View) Presign(ctx context.Context, method, name string, valid time.Duration) (string, error) {
	key, err := v.key(name)
	if err != nil {
		return "", err
	}
	if key == v.top() {
		return "", backend.Suspicious(name, "is the folder of all files")
	}
	if valid < time.Second || valid > longestPresigned {
		return "", fmt.Errorf("object: presign: expected a duration from 1 s to %v, found %v", longestPresigned, valid)
	}
	query, headers := make(url.Values), make(http.Header)
	switch method {
	case http.MethodGet:
		query.Set("response-content-disposition", "attachment")
		query.Set("response-content-type", "application/octet-stream")
	case http.MethodHead:
	case http.MethodPut:
		if _, err := v.ResolveNew(name); err != nil {
			return "", err
		}
		if v.storage.Quota(v.Tenant()) != (storage.Quota{}) {
			return "", fmt.Errorf("object: presign: %w: the size of a PUT to the server cannot be limited", storage.ErrQuota)
		}
		headers.Set("If-None-Match", "*")
	default:
		return "", errors.New("object: presign: expected the method GET, HEAD or PUT")
	}
	u, err := v.storage.server.PresignHeader(ctx, method, v.storage.config.Bucket, key, valid, query, headers)
	if err != nil {
		return "", pathError("presign", name, err)
	}
	return u.String(), nil
}
