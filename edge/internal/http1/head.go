package http1

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
)

// ReadResponse is http.ReadResponse, but keeps the Connection field as it was sent.
// http.ReadResponse deletes the field if one of its elements is "close", and so
// loses the names of hop-by-hop fields (RFC 9110, 7.6.1). If the head exceeds the
// reader's buffer, only lines within the buffer are kept.
func ReadResponse(in *bufio.Reader, r *http.Request) (*http.Response, error) {
	connection := connectionOf(peekHead(in))
	resp, err := http.ReadResponse(in, r)
	if err == nil && connection != "" {
		resp.Header["Connection"] = []string{connection}
	}
	return resp, err
}

// peekHead returns as much of the next head as fits the buffer. It ignores errors:
// the next read returns them.
func peekHead(in *bufio.Reader) []byte {
	for n := 1; ; n = in.Buffered() + 1 {
		_, err := in.Peek(min(n, in.Size()))
		head, _ := in.Peek(in.Buffered())
		for _, end := range []string{"\n\r\n", "\n\n"} {
			if i := bytes.Index(head, []byte(end)); i >= 0 {
				return head[:i]
			}
		}
		if err != nil || n > in.Size() {
			return head
		}
	}
}

// connectionOf returns the elements of Connection in a head if there are several,
// and an empty string otherwise.
func connectionOf(head []byte) string {
	const name = "connection:"
	var values []string
	for line := range bytes.Lines(head) {
		if len(line) > len(name) && line[0]|0x20 == 'c' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			values = append(values, string(bytes.TrimSpace(line[len(name):])))
		}
	}
	if len(values) == 1 && !strings.Contains(values[0], ",") {
		return ""
	}
	return strings.Join(values, ", ")
}
