package object

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// longestPresigned is the server's limit.
const longestPresigned = 7 * 24 * time.Hour

// Presign returns a URL by which whoever has it may do one thing with one file
// of the tenant's, at the server itself, for a while: GET, HEAD or PUT. Nothing
// is asked of the server.
//
// What is fetched is an attachment: the server's host is that of all tenants,
// and no place for pages that somebody uploaded. A PUT must have the header
// "If-None-Match: *", which is signed with it, and so overwrites nothing. It
// cannot be measured, so that a tenant with a quota has none: ErrQuota.
func (v *View) Presign(ctx context.Context, method, name string, valid time.Duration) (string, error) {
	key, err := v.key(name)
	if err != nil {
		return "", err
	}
	if key == v.top() {
		return "", fmt.Errorf("object: %.200q is the folder of all files: %w", name, storage.ErrSuspicious)
	}
	if valid < time.Second || valid > longestPresigned {
		return "", fmt.Errorf("object: presign: expected a time of 1 s to %v, found %v", longestPresigned, valid)
	}
	query, headers := make(url.Values), make(http.Header)
	switch method {
	case http.MethodGet:
		query.Set("response-content-disposition", "attachment")
		query.Set("response-content-type", "application/octet-stream")
	case http.MethodHead:
	case http.MethodPut:
		if err := v.CheckNew(name); err != nil {
			return "", err
		}
		if q := v.storage.config.Quota; q != nil && q(v.tenant) != (storage.Quota{}) {
			return "", fmt.Errorf("object: presign: %w: what is sent to the server cannot be measured", storage.ErrQuota)
		}
		headers.Set("If-None-Match", "*")
	default:
		return "", errors.New("object: presign: expected the method GET, HEAD or PUT")
	}
	u, err := v.storage.server.PresignHeader(ctx, method, v.storage.config.Bucket, key, valid, query, headers)
	if err != nil {
		return "", told("presign", name, err)
	}
	return u.String(), nil
}
