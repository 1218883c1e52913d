package pristine

import (
	"slices"
	"testing"
)

func TestPageSetMergesAdjacentPages(t *testing.T) {
	type pages struct{ first, end int }
	tests := []struct {
		name  string
		add   []pages
		runs  []pages
		count int
	}{
		{"nothing", nil, nil, 0},
		{"the first page", []pages{{0, 1}}, []pages{{0, 1}}, 1},
		{"the last page", []pages{{255, 256}}, []pages{{255, 256}}, 1},
		{"two apart", []pages{{1, 2}, {3, 4}}, []pages{{1, 2}, {3, 4}}, 2},
		{"the gap between two", []pages{{1, 2}, {3, 4}, {2, 3}}, []pages{{1, 4}}, 3},
		{"out of order", []pages{{9, 10}, {2, 4}}, []pages{{2, 4}, {9, 10}}, 3},
		{"across words", []pages{{60, 70}, {127, 129}}, []pages{{60, 70}, {127, 129}}, 12},
		{"the same twice", []pages{{5, 7}, {4, 6}, {5, 7}}, []pages{{4, 7}}, 3},
		{"all", []pages{{0, 256}}, []pages{{0, 256}}, 256},
		{"an empty range", []pages{{5, 5}}, nil, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newPageSet(256 * pageSize)
			for _, p := range test.add {
				s.add(p.first, p.end)
				s.rebuild()
			}
			var want []pageRun
			for _, p := range test.runs {
				want = append(want, pageRun{p.first * pageSize, p.end * pageSize})
			}
			if !slices.Equal(s.runs, want) || s.count != test.count {
				t.Errorf("runs %v, count %d: expected %v, %d", s.runs, s.count, want, test.count)
			}
		})
	}
}
