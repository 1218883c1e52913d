package smoke_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/smoke"
)

// askPolicies is the Config of a trial whose child reports policies.
const askPolicies = `"policies"`

// policies returns the scheduling policy of each thread of this process, as in
// /proc/self/stat: "5" for SCHED_IDLE, "0" for SCHED_OTHER.
func policies() string {
	all := []string{"policies"}
	threads, _ := filepath.Glob("/proc/self/task/*/stat")
	for _, path := range threads {
		stat, _ := os.ReadFile(path)
		_, rest, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(rest); len(fields) > 38 { // the third field is the first
			all = append(all, fields[38])
		}
	}
	return strings.Join(all, " ")
}

func TestAChildInTheBackgroundUsesIdleProcessorsOnly(t *testing.T) {
	if !strings.Contains(policies(), " 0") {
		t.Logf("the threads of this process have the %s; cannot test those of a child", policies())
		return
	}
	for _, c := range []struct {
		background bool
		want       string
	}{{true, "5"}, {false, "0"}} {
		err := smoke.Run(context.Background(), smoke.Trial{Config: []byte(askPolicies), Background: c.background})
		if err == nil {
			t.Fatal("the child did not report")
		}
		_, found, _ := strings.Cut(err.Error(), "policies")
		if found == "" || strings.Trim(found, c.want+" ") != "" {
			t.Errorf("background %v: the threads have the policies%s, expected %s", c.background, found, c.want)
		}
	}
}
