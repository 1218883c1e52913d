package abi_test

import (
	"fmt"

	"github.com/tenantedge/tenantedge/guest/abi"
)

func ExampleBuilder() {
	buf := make([]byte, abi.BufferSize)
	b := abi.Begin(buf, uint32(abi.Missing)|404<<abi.DecStatusShift, abi.DecHeader0)
	b.Put(abi.DecReason, "no router finds a tenant")
	m, err := abi.Parse(b.Bytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(abi.Outcome(m.Word()&abi.DecOutcomeMask), m.Word()>>abi.DecStatusShift, string(m.Get(abi.DecReason)))
	// Output: not_found 404 no router finds a tenant
}
