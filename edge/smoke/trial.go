package smoke

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

// Trial is a guest to try, with what the Host of the child needs.
type Trial struct {
	Wasm   []byte
	Memory int64           // maximum memory of an instance in bytes; 0: 64 MiB
	Config json.RawMessage // the configuration of the child's Host; edge writes and reads it
	// Background says that this process serves requests meanwhile. On Linux the
	// child then gets only processor time that no other process needs.
	Background bool
}

// trialHeader precedes the Wasm in the child's input.
type trialHeader struct {
	Memory     int64
	Config     json.RawMessage
	Background bool
	Size       int
}

func (t *Trial) encode() ([]byte, error) {
	return json.Marshal(trialHeader{t.Memory, t.Config, t.Background, len(t.Wasm)})
}

func (t *Trial) decode(in io.Reader) error {
	var h trialHeader
	d := json.NewDecoder(in)
	if err := d.Decode(&h); err != nil {
		return err
	}
	if h.Size < 0 || h.Size > instance.MaxModule {
		return fmt.Errorf("expected a guest of at most %d bytes, found %d", instance.MaxModule, h.Size)
	}
	*t = Trial{Wasm: make([]byte, h.Size), Memory: h.Memory, Config: h.Config, Background: h.Background}
	_, err := io.ReadFull(io.MultiReader(d.Buffered(), in), t.Wasm)
	return err
}

// verdict is the child's output.
type verdict struct {
	Passed bool
	Error  string
}

// child reads a trial, runs it and writes the verdict. It returns the exit code.
func child(in io.Reader, out io.Writer, try func(context.Context, Trial) error) (code int) {
	var t Trial
	err := t.decode(in)
	if err == nil {
		err = confine(&t)
	}
	if err != nil {
		err = fmt.Errorf("that it cannot be tried: %w", err)
	} else {
		err = try(context.Background(), t)
	}
	v := verdict{Passed: err == nil}
	if err != nil {
		v.Error = strings.TrimPrefix(err.Error(), "edge: ")
		v.Error = v.Error[:min(len(v.Error), maxError)]
	}
	if err := json.NewEncoder(out).Encode(v); err != nil {
		return 1
	}
	return 0
}
