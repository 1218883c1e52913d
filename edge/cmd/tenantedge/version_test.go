package main

import (
	"strings"
	"testing"
)

func TestTheFlagVersionPrintsTheVersion_F7(t *testing.T) {
	module, _ := moduleVersions()
	code, stdout, stderr := command("", "--version")
	if code != exitOK || !strings.Contains(stdout, module) || !strings.HasPrefix(stdout, "tenantedge version ") || stderr != "" {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}
