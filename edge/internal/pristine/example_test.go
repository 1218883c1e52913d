package pristine_test

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge/internal/pristine"
)

func ExampleMemory_Reset() {
	content := make([]byte, 64<<10)
	copy(content, "configured")
	image, err := pristine.NewImage(content)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer image.Close()
	memory, err := image.NewMemory(1 << 20)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer memory.Close()

	secret := "secret of tenant 1"
	memory.Mark(0, uint32(len(secret)))
	copy(memory.Bytes(), secret)
	report, err := memory.Reset()
	fmt.Printf("%q, %d bytes copied, error %v\n", memory.Bytes()[:18], report.Bytes, err)
	// Output: "configured\x00\x00\x00\x00\x00\x00\x00\x00", 1024 bytes copied, error <nil>
}
