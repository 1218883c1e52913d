package abi

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func TestABuilderWritesTheExampleOfExportAuthorize(t *testing.T) {
	b := Begin(make([]byte, 128), 0, AuthHeader0+1)
	for i, s := range []string{"acme", "1", "GET", "/media/acme/a.txt", "a.txt", "acme.io", "", "private.app"} {
		b.Put(i, s)
	}
	head, err := hex.DecodeString(strings.ReplaceAll(
		"00000000 09000000 50000000 04000000 54000000 01000000 55000000 03000000 58000000 11000000"+
			"69000000 05000000 6e000000 07000000 75000000 00000000 75000000 0b000000 00000000 00000000", " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	want := append(head, "acme1GET/media/acme/a.txta.txtacme.ioprivate.app"...)
	if got := b.Bytes(); !bytes.Equal(got, want) {
		t.Errorf("message is\n%x, want\n%x", got, want)
	}
}
