//go:build ignore

// Command generate writes legacy.txt, a table of 10,000 redirects for the tests.
package main

import (
	"fmt"
	"log"
	"os"
	"slices"
)

func main() {
	lines := []string{"*/imprint.html\t/legal\n", "acme/imprint.html\t/about?from=imprint\n"}
	for i := range 9998 {
		schema := [...]string{"acme", "beta"}[i%2]
		lines = append(lines, fmt.Sprintf("%s/%04d.php\t/a/%d\n", schema, i, i*7919%10000))
	}
	slices.Sort(lines)
	f, err := os.Create("legacy.txt")
	if err != nil {
		log.Fatal(err)
	}
	for _, line := range lines {
		if _, err := f.WriteString(line); err != nil {
			log.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}
