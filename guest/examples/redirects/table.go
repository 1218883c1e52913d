package main

import (
	_ "embed"
	"errors"
	"strconv"
	"strings"
)

//go:generate go run generate.go

//go:embed legacy.txt
var legacy string

// find returns the new path for the old path of a schema.
func find(table, schema, path string) (to string, ok bool) {
	// The line that begins at low or after it, but before high, is the one, if any.
	low, high := 0, len(table)
	for low < high {
		middle := low + (high-low)/2
		start := low + strings.LastIndexByte(table[low:middle], '\n') + 1
		end := start + strings.IndexByte(table[start:], '\n')
		old, new, _ := strings.Cut(table[start:end], "\t")
		switch order := compare(old, schema, path); {
		case order == 0:
			return new, true
		case order < 0:
			low = end + 1
		default:
			high = start
		}
	}
	return "", false
}

// compare compares an old path of the table with schema + path, in the order of
// their bytes.
func compare(old, schema, path string) int {
	n := min(len(old), len(schema))
	if order := strings.Compare(old[:n], schema); order != 0 {
		return order
	}
	return strings.Compare(old[n:], path)
}

// check returns an error unless find can find each line of the table, and each new
// path is one on the same domain.
func check(table string) error {
	previous, number := "", 0
	for line := range strings.Lines(table) {
		number++
		old, new, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		schema, _, rooted := strings.Cut(old, "/")
		var wrong string
		switch {
		case !strings.HasSuffix(line, "\n"):
			wrong = "a line feed at the end"
		case !rooted || schema == "":
			wrong = "a schema or *, a path from the root, a tab and the new path"
		case old <= previous:
			wrong = "each path once, in the order of the bytes (sort with LC_ALL=C)"
		case len(new) == 0 || new[0] != '/' || strings.HasPrefix(new, "//") || !printable(new):
			wrong = "a new path from the root, encoded as in a URL"
		}
		if wrong != "" {
			return errors.New("legacy.txt, line " + strconv.Itoa(number) + ": expected " + wrong)
		}
		previous = old
	}
	return nil
}

// printable reports whether s has only characters that a Location may have.
func printable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '\\' || c >= 0x7f {
			return false
		}
	}
	return true
}
