package uploads

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
)

var (
	errDigest   = errors.New("uploads: the content does not match its digest")
	errNoDigest = errors.New("uploads: expected a digest such as sha-256=:base64:, found something else")
)

// The secure algorithms of RFC 9530, and those of tus, which requires SHA-1.
var (
	digestAlgorithms   = map[string]func() hash.Hash{"sha-256": sha256.New, "sha-512": sha512.New}
	checksumAlgorithms = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}
)

// verifyDigests returns content that fails at its end unless it matches Content-Digest
// and Repr-Digest. The two are equivalent here, since encoded content is rejected.
// Unknown algorithms are ignored, as RFC 9530 requires.
func verifyDigests(content io.Reader, header http.Header) (io.Reader, error) {
	for _, name := range []string{"Content-Digest", "Repr-Digest"} {
		for _, value := range header[name] {
			for member := range strings.SplitSeq(value, ",") {
				algorithm, sum, err := parseDigest(strings.Trim(member, " \t"))
				if err != nil {
					return nil, err
				}
				if make := digestAlgorithms[algorithm]; make != nil {
					content = &hashReader{from: content, hash: make(), want: sum}
				}
			}
		}
	}
	return content, nil
}

// parseDigest reads one member of a dictionary of byte sequences (RFC 9651).
func parseDigest(member string) (algorithm string, sum []byte, err error) {
	algorithm, text, ok := strings.Cut(member, "=")
	if !ok || algorithm == "" || len(text) < 2 || text[0] != ':' || text[len(text)-1] != ':' {
		return "", nil, errNoDigest
	}
	sum, err = base64.StdEncoding.DecodeString(text[1 : len(text)-1])
	if err != nil {
		return "", nil, errNoDigest
	}
	return algorithm, sum, nil
}

// hashReader reads content and compares its digest at the end.
type hashReader struct {
	from io.Reader
	hash hash.Hash
	want []byte
}

func (c *hashReader) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	_, _ = c.hash.Write(p[:n]) // never fails
	if err == io.EOF {
		if sum := c.sum(); sum != nil {
			err = sum
		}
	}
	return n, err
}

// sum returns errDigest unless what was read matches.
func (c *hashReader) sum() error {
	if bytes.Equal(c.hash.Sum(nil), c.want) {
		return nil
	}
	return errDigest
}

// checksum parses the Upload-Checksum of tus; nil if there is none.
func checksum(header http.Header) (*hashReader, error) {
	value := header.Get("Upload-Checksum")
	if value == "" {
		return nil, nil
	}
	algorithm, text, _ := strings.Cut(value, " ")
	make := checksumAlgorithms[algorithm]
	sum, err := base64.StdEncoding.DecodeString(text)
	if make == nil || err != nil {
		return nil, fmt.Errorf("%w: %.100q", errNoDigest, value)
	}
	return &hashReader{hash: make(), want: sum}, nil
}
