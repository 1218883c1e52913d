package abi_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// prefetchExample is the worked example of FirstSegment.
const prefetchExample = `
	00 00 00 00
	06 00 00 00
	38 00 00 00  03 00 00 00
	3b 00 00 00  04 00 00 00
	3f 00 00 00  04 00 00 00
	43 00 00 00  01 00 00 00
	00 00 00 00  00 00 00 00
	44 00 00 00  31 00 00 00
	47 45 54 68 74 74 70 61 2e 69 6f 2f
	01 00 00 00
	04 00 00 00
	28 00 00 00  01 00 00 00
	29 00 00 00  04 00 00 00
	2d 00 00 00  04 00 00 00
	31 00 00 00  00 00 00 00
	37 61 63 6d 65 61 2e 69 6f`

func TestABuilderWritesTheExampleOfFirstSegment(t *testing.T) {
	b := abi.Begin(make([]byte, 256), 0, abi.ReqHeader0+1)
	b.Put(abi.ReqMethod, "GET")
	b.Put(abi.ReqScheme, "http")
	b.Put(abi.ReqHost, "a.io")
	b.Put(abi.ReqTarget, "/")
	r := abi.Begin(b.Rest(), abi.RecPrimary, abi.RecAttr0)
	r.Put(abi.RecID, "7")
	r.Put(abi.RecSchema, "acme")
	r.Put(abi.RecDomain, "a.io")
	r.Put(abi.RecFolder, "")
	b.Keep(abi.ReqHeader0, r.Size())
	want, err := hex.DecodeString(strings.Join(strings.Fields(prefetchExample), ""))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) || len(want) != 117 {
		t.Errorf("message is\n%x, want 117 bytes, here %d\n%x", b.Bytes(), len(want), want)
	}
	m, err := abi.Parse(want)
	if err != nil {
		t.Fatal(err)
	}
	record, err := abi.Parse(m.Get(abi.ReqHeader0))
	if err != nil || string(record.Get(abi.RecSchema)) != "acme" {
		t.Errorf("the record's schema is %q, error %v, want acme", record.Get(abi.RecSchema), err)
	}
}

func TestSizeIsValidIfAFieldWrittenInPlaceDoesNotFit(t *testing.T) {
	b := abi.Begin(make([]byte, 20), 0, 1)
	if n := len(b.Rest()); n != 4 {
		t.Fatalf("%d bytes are free, want 4", n)
	}
	b.Keep(0, 5)
	if b.Fits() || b.Size() != 21 || len(b.Rest()) != 0 {
		t.Errorf("fits %v with size %d and %d free bytes, want false, 21 and 0", b.Fits(), b.Size(), len(b.Rest()))
	}
}

func TestFirstSegmentDecodesNothing(t *testing.T) {
	for target, want := range map[string]string{
		"/": "", "/a": "a", "/a/b": "a", "/a?b/c": "a", `/a\b`: "a", "//a": "", "/?a": "", "/%61/b": "%61", "/a#b/c": "a#b",
	} {
		if got, ok := abi.FirstSegment(target); !ok || got != want {
			t.Errorf("FirstSegment(%q) = %q, %v, want %q", target, got, ok, want)
		}
	}
	for _, target := range []string{"", "*", "a/b", "http://h/p"} {
		if got, ok := abi.FirstSegment(target); ok {
			t.Errorf("FirstSegment(%q) = %q, want none", target, got)
		}
	}
}
