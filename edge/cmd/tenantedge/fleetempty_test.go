//go:build unix

package main

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

// A wrong name makes another fleet, to which no edge belongs.
func TestAFleetWithoutEdgesIsSaidToHaveNone(t *testing.T) {
	t.Setenv(defaultFleetDSNEnv, pgtest.Start(t).NewDB(t))
	config := writeFile(t, "edge.yaml", "fleet: {name: test, dsn_env: "+defaultFleetDSNEnv+"}\ndirectory: {source: postgres, dsn_env: "+defaultFleetDSNEnv+"}\n")
	if code, _, stderr := command("", "db", "init", "-c", config); code != exitOK {
		t.Fatal(stderr)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{exitOK, "No edge of this fleet has reported.", []string{"status", "--fleet", "tset"}},
		{exitFailed, "found 0 of 2: only 0 edges report; it stays", []string{"rollout", "../../../assets/router.wasm", "--fleet", "tset", "--wait", "2", "--timeout", "1s"}},
	} {
		code, stdout, stderr := command("", append([]string{"guest"}, c.args...)...)
		if code != c.code || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("%q: exit %d, %s%s, expected %q", c.args, code, stdout, stderr, c.want)
		}
	}
}
