package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestEvalAndBenchShowWhatAFailingGuestPrinted_D5(t *testing.T) {
	const said, at = "panic: no plan", 3 << 16
	sound := wasmtest.Sound()
	fails := slices.Concat(wasmtest.I32(8), wasmtest.I32(at), wasmtest.I32(uint32(len(said))), []byte{0x10, 0, 0x00})
	isLong := append([]byte{0x20, 0}, append(wasmtest.I32(10_000), 0x4b, 0x04, 0x40)...) // local.get, i32.gt_u, if
	sound.With(abi.ExportRoute, slices.Concat(isLong, fails, []byte{0x0b}, sound.Bodies[abi.ExportRoute])...).WithData(at, said)
	sound.Import = wasmtest.Log
	guest := writeFile(t, "guest.wasm", string(sound.Wasm()))
	config := writeFile(t, "file.yaml", fmt.Sprintf("guest: {path: %s}\ntenants: {public: {}, default: {}}\n", guest))
	target := "/" + strings.Repeat("a", 12_000)
	_, stdout, stderr := command("", "eval", "-c", config, "-r", "GET http://a.example.com"+target)
	if !strings.Contains(stdout, said) {
		t.Errorf("eval: %q, %q", stdout, stderr)
	}
	questions := fmt.Sprintf(`{"op":"route","target":%q,"headers":[["host","a.example.com"]]}`, target)
	if code, _, stderr := command(questions, "bench", "-c", config, "-r", "-", "--rounds", "1"); code != exitFailed || !strings.Contains(stderr, fmt.Sprintf("the guest printed %q", said)) {
		t.Errorf("bench: exit %d, %q", code, stderr)
	}
}
