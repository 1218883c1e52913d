package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func newEval() *cobra.Command {
	var o evalOptions
	c := &cobra.Command{
		Use:   "eval --config FILE [--request REQUEST] [--guest A.wasm] [--against B.wasm]",
		Short: "Show where requests would go, and why",
		Long: text(`
			eval answers questions about a configuration without serving anything. It runs
			the same guest in the same host as serve, so its answers are what serve does.

			With --request, it explains a request in text. Otherwise it reads one JSON
			object per line from standard input and writes one per line, in order:

			  {"op":"route","method":"GET","target":"/x","headers":[["host","a.example.com"]],
			   "session":null,"peer":"untrusted"}
			  {"op":"websocket", the same fields}
			  {"op":"cache_key","schema":"t1","prefix":"","version":1,"key":"foo"}
			  {"op":"reverse_key","cache_key":"t1::1:foo"}
			  {"op":"storage","schema":"t1","folder":"","schema_pathname":null,
			   "location":"/srv/media","base_url":"/media/","name":"a b.txt"}

			(each on one line). The answer repeats the value of "id". A line that is not a
			valid question is answered with {"error":…}, and eval reads the next line.

			Queries, files and sessions are those of serve: the guest queries the database, a
			session cookie is looked up unless the question has a session, and a request for
			a file is answered with the status that a client would get. Nothing is changed:
			guests cannot write files.

			With --against, two guests answer, and only decisions that differ are written.
			With --record, decisions are written to a file of cases, which --expect compares
			with those of another configuration or guest, as guest test does. The exit status
			is 1 if a decision differs.
		`),
		Example: text(`
			  tenantedge eval -c tenantedge.yaml --request 'GET https://acme.example.com/x?y=1'
			  tenantedge eval -c tenantedge.yaml --request 'GET http://api.internal/' \
			    --header 'tenant: acme' --trusted
			  tenantedge eval -c tenantedge.yaml <questions.jsonl >answers.jsonl
			  tenantedge eval -c tenantedge.yaml --against new.wasm <questions.jsonl
			  tenantedge eval -c tenantedge.yaml --record known.jsonl <questions.jsonl
			  tenantedge eval -c tenantedge.yaml --guest new.wasm --expect known.jsonl
		`),
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.run(c.Context(), c.InOrStdin(), c.OutOrStdout())
		},
	}
	configFlag(c, &o.config)
	f := c.Flags()
	f.StringArrayVarP(&o.requests, "request", "r", nil, "`REQUEST` to evaluate, such as 'GET http://host/path'; may be repeated")
	f.StringArrayVarP(&o.headers, "header", "H", nil, "additional `HEADER` of each --request, such as 'name: value'; may be repeated")
	f.BoolVar(&o.trusted, "trusted", false, "treat each --request as sent by a trusted peer")
	f.StringVar(&o.remote, "remote", "", "IP `ADDRESS` of the peer of each --request, which trusted_peers may trust")
	f.StringVar(&o.session, "session", "", "session data of each --request, a `JSON` object; default: that of its cookie")
	f.BoolVar(&o.websocket, "websocket", false, "make each --request a websocket handshake")
	f.BoolVar(&o.explain, "explain", false, "write text instead of JSON; the default with --request")
	f.BoolVar(&o.json, "json", false, "write JSON with --request too")
	f.StringVar(&o.guest, "guest", "", "guest to ask, a Wasm `FILE`; default: the configured guest, or else the built-in one")
	f.StringVar(&o.against, "against", "", "guest to compare it with, a Wasm `FILE`")
	f.StringVar(&o.expect, "expect", "", "`FILE` of cases, whose questions are asked instead")
	f.StringVar(&o.record, "record", "", "`FILE`.jsonl to write the decisions to, as cases in JSON lines")
	for _, name := range []string{"guest", "against"} {
		_ = c.MarkFlagFilename(name, "wasm") // fails only for flags that do not exist
	}
	return c
}

type evalOptions struct {
	config    string
	guest     string
	against   string
	expect    string
	record    string
	remote    string
	requests  []string
	headers   []string
	trusted   bool
	session   string
	websocket bool
	explain   bool
	json      bool
}

func (o *evalOptions) run(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	if o.explain && o.json {
		return usagef("eval: expected --explain or --json, found both")
	}
	if len(o.requests) == 0 && (len(o.headers) > 0 || o.trusted || o.session != "" || o.remote != "" || o.websocket) {
		return usagef("eval: expected --request with --header, --trusted, --session, --remote and --websocket, found none; lines of JSON have fields for these")
	}
	if err := o.checkModes(); err != nil {
		return err
	}
	questions, err := o.questions()
	if err != nil {
		return err
	}
	e, err := newEvaluator(ctx, o.config, o.guest)
	if err != nil {
		return err
	}
	defer e.close()
	if o.expect != "" {
		return o.compareExpected(ctx, e, stdout)
	}
	out := bufio.NewWriterSize(stdout, 64<<10)
	write, finish, err := o.writer(ctx, e, out)
	if err != nil {
		return err
	}
	if questions == nil {
		err = e.answerLines(ctx, stdin, out, write)
	}
	for i := range questions {
		if err = write(&questions[i], e.answer(ctx, &questions[i])); err != nil {
			break
		}
	}
	return errors.Join(err, finish(err), out.Flush())
}

// writer returns what writes the answers, and what to call after the last one, or
// with the error that was the end.
func (o *evalOptions) writer(ctx context.Context, e *evaluator, out *bufio.Writer) (write writer, finish func(error) error, err error) {
	finish = func(error) error { return nil }
	switch {
	case o.against != "":
		c, err := e.against(ctx, o.against, out, o.json)
		if err != nil {
			return nil, nil, err
		}
		return c.write(ctx), func(error) error { return c.finish() }, nil
	case o.record != "":
		var recorded bytes.Buffer
		return e.recorder(&recorded), func(err error) error {
			if err != nil {
				return nil // the previous file stays
			}
			return os.WriteFile(o.record, recorded.Bytes(), 0o666)
		}, nil
	case o.explain || len(o.requests) > 0 && !o.json:
		e.explain = true
		return e.writeText(out), finish, nil
	}
	return writeJSON(out), finish, nil
}

// maxLine is the maximum length of a question in bytes.
const maxLine = 16 << 20

// answerLines answers the questions of r until its end. It flushes the answers when
// no further question is buffered, so that a program can ask one at a time.
func (e *evaluator) answerLines(ctx context.Context, r io.Reader, out *bufio.Writer, write writer) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for ctx.Err() == nil {
		line, err := readLine(in)
		if len(bytes.TrimSpace(line)) > 0 || errors.Is(err, errLineTooLong) {
			var q question
			a := any(errorAnswer{Error: errLineTooLong.Error()})
			if !errors.Is(err, errLineTooLong) {
				a = e.answerLine(ctx, line, &q)
			}
			if err := write(&q, a); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, errLineTooLong):
			return err
		}
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (e *evaluator) answerLine(ctx context.Context, line []byte, q *question) any {
	if err := q.parse(line); err != nil {
		return errorAnswer{ID: q.ID, Error: err.Error()}
	}
	return e.answer(ctx, q)
}

var errLineTooLong = errors.New("expected a line of at most 16 MiB, found a longer one")

// readLine reads up to the next line feed. It skips a line that is too long and
// returns errLineTooLong, so that the next line can be read.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	full := bytes.Clone(line)
	tooLong := false
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = in.ReadSlice('\n')
		if tooLong = tooLong || len(full)+len(line) > maxLine; !tooLong {
			full = append(full, line...)
		}
	}
	if tooLong && (err == nil || errors.Is(err, io.EOF)) {
		return nil, errLineTooLong
	}
	return full, err
}

// writer writes the answer to a question.
type writer func(q *question, answer any) error

func writeJSON(out io.Writer) writer {
	enc := newEncoder(out)
	enc.SetEscapeHTML(false)
	return func(_ *question, answer any) error { return enc.Encode(answer) }
}
