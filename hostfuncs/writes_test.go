package hostfuncs

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// recorder is a Watch that records which bytes are reported as written.
type recorder struct {
	meter
	reported []bool
}

func (r *recorder) Writes(addr, n uint32) {
	for i := addr; i < addr+n; i++ {
		r.reported[i] = true
	}
}

// Host functions report every byte that they write, for any arguments. The edge resets only
// what is reported.
func TestEveryWrittenByteIsReported(t *testing.T) {
	g := newGuest(t)
	g.world.tenant = "t1"
	random := rand.New(rand.NewPCG(1, 9))
	view, _ := g.mod.Memory().Read(0, g.mod.Memory().Size())
	wrote := map[string]bool{}
	run := func(name string, args ...uint64) {
		t.Helper()
		before := slices.Clone(view)
		w := &recorder{reported: make([]bool, len(view))}
		g.call.Watch = w
		if _, err := g.run(name, args...); err != nil && name != "proc_exit" {
			t.Fatalf("%s%v: %v", name, args, err)
		}
		g.call.Watch = nil
		for at := range view {
			if view[at] == before[at] {
				continue
			}
			if wrote[name] = true; !w.reported[at] {
				t.Fatalf("%s%v has written to %#x, and not reported it", name, args, at)
			}
		}
	}
	const domain, file, buffer = 16, 32, 4096
	values := []uint64{0, 1, 2, 4, 5, 8, domain, file, 64, buffer, buffer + 3, 65_530, 65_535, 65_536, 1 << 31, 1<<32 - 1}
	for range 60 {
		for i := range view {
			view[i] = byte(random.Uint32())
		}
		g.call.Begin(t.Context())
		read, write := g.open("a.txt", abi.FileRead), g.open("w.txt", abi.FileWrite)
		g.put(domain, "a.io")
		g.put(file, "a.txt")
		room := uint64(1 + random.IntN(600))
		for name, args := range map[string][]uint64{
			abi.ImportTenantByDomain:    {domain, 4, domain, 0, buffer, room},
			abi.ImportTenantByReference: {domain, 4, buffer, room},
			abi.ImportPrimaryDomain:     {domain, 4, buffer, room},
			abi.ImportQuery:             {domain, 4, file, 5, domain, 0, buffer, room},
			abi.ImportRandom:            {buffer, room},
			abi.ImportFileRead:          {read, buffer, room},
			abi.ImportFileClose:         {write, buffer, room},
			abi.ImportFileStat:          {file, 5, buffer, room},
			abi.ImportFileList:          {file, 0, buffer, room},
			abi.ImportFileURL:           {file, 5, buffer, room},
			"args_sizes_get":            {buffer, buffer + room},
			"args_get":                  {buffer, buffer + room},
			"environ_sizes_get":         {buffer, buffer + room},
			"clock_time_get":            {clockReal, 1, buffer + room},
			"clock_res_get":             {clockReal, buffer + room},
			"random_get":                {buffer, room},
			"fd_write":                  {stdout, 0, 0, buffer + room},
			"poll_oneoff":               {64, buffer, 1 + room%16, 60_000},
		} {
			run(name, args...)
			if room > 500 && !wrote[name] && name != abi.ImportFileList {
				t.Errorf("%s%v writes nothing", name, args)
			}
		}
		g.put(file, ".")
		run(abi.ImportFileList, file, 1, buffer, room)
		for _, f := range everything() {
			args := make([]uint64, len(f.params))
			for i := range args {
				args[i] = values[random.IntN(len(values))]
			}
			if f.name == "poll_oneoff" {
				args[2] = 0 // it would wait
			}
			run(f.name, args...)
		}
		g.call.End()
		g.world.files = nil
	}
	t.Logf("%d functions have written", len(wrote))
}
