package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/explain"
)

// writeText returns a writer of answers for people.
func (e *evaluator) writeText(out io.Writer) writer {
	return func(q *question, answer any) error {
		var b strings.Builder
		switch a := answer.(type) {
		case *routeAnswer:
			e.explainRoute(&b, q, a)
		case errorAnswer:
			fmt.Fprintf(&b, "%s\n  error: %s\n", headline(q), a.Error)
		default:
			// Keys and paths need no explanation.
			if err := writeJSON(&b)(q, answer); err != nil {
				return err
			}
		}
		_, err := io.WriteString(terminal{out}, b.String())
		return err
	}
}

func headline(q *question) string {
	if q.Target == "" {
		return q.Op
	}
	var headers []string
	for _, pair := range q.Headers {
		if !strings.EqualFold(pair[0], "host") {
			headers = append(headers, fmt.Sprintf("  %s: %s\n", pair[0], pair[1]))
		}
	}
	peer := q.Peer + " peer"
	if q.Remote != "" {
		peer = "from " + q.Remote
	}
	head := fmt.Sprintf("%s %s://%s%s  (%s)\n", q.Method, q.Scheme, hostOf(q), q.Target, peer)
	return head + strings.Join(headers, "")
}

func hostOf(q *question) string {
	host := "(no Host)"
	for _, pair := range q.Headers {
		if strings.EqualFold(pair[0], "host") {
			host = pair[1]
		}
	}
	return host
}

func (e *evaluator) explainRoute(b *strings.Builder, q *question, a *routeAnswer) {
	b.WriteString(headline(q))
	x := explain.Explainer{File: e.file, Guest: e.file.Guest.Path}
	for _, line := range x.Lines(&a.explained) {
		fmt.Fprintf(b, "  %-11s %s\n", line.Name, line.Text)
	}
}
