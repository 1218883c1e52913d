package pristine_test

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge/internal/pristine"
)

func ExampleMemory_Do() {
	content := make([]byte, 64<<10)
	copy(content, "configured")
	image, err := pristine.NewImage(content, pristine.Options{})
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

	report, err := memory.Do(func() {
		copy(memory.Bytes(), "secret of tenant 1")
	})
	fmt.Printf("%q, %d page copied, error %v\n", memory.Bytes()[:18], report.Pages, err)
	// Output: "configured\x00\x00\x00\x00\x00\x00\x00\x00", 1 page copied, error <nil>
}
