package measure

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/tenantedge/tenantedge/bench/instructions"
	"github.com/tenantedge/tenantedge/bench/rivals"
)

// counted is the number of requests whose instructions are counted. Counts hardly
// vary, but qemu takes long to start.
const counted = 2000

// openInstructions counts the instructions of a routed request on amd64 and arm64.
func openInstructions(ctx context.Context, o *Options, out *opened) error {
	work, err := os.MkdirTemp("", "tenantedge-bench-instructions-")
	if err != nil {
		return err
	}
	out.close = append(out.close, func() error { return os.RemoveAll(work) })
	var c *instructions.Counter
	if !out.has("qemu", func() (version string, err error) {
		if o.Short {
			return "", errors.New("it takes minutes; a run without -short counts instructions")
		}
		c, version, err = instructions.Prepare(ctx, work)
		return version, err
	}) {
		return nil
	}
	for _, arch := range slices.Sorted(maps.Keys(instructions.Emulators)) {
		if err := c.Build(ctx, arch); err != nil {
			return err
		}
		for _, rival := range []string{rivals.Native, rivals.Edge, rivals.Unreset} {
			out.cases = append(out.cases, benchCase{name: "Instructions/arch=" + arch + "/rival=" + rival, rounds: 1, own: func(ctx context.Context) (string, error) {
				n, err := c.PerRequest(ctx, arch, rival, counted)
				return fmt.Sprintf("%d\t%.1f insns/op", counted, n), err
			}})
		}
	}
	return nil
}
