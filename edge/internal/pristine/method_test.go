package pristine

import (
	"errors"
	"testing"
)

func TestMethodIsTheBestThatWorks(t *testing.T) {
	none := errors.New("not here")
	tests := []struct {
		name    string
		refused map[Method]error
		wanted  Method
		want    Method
		err     error
	}{
		{"all work", nil, Auto, GatedScan, nil},
		{"one is forced", nil, Pagemap, Pagemap, nil},
		{"one is forced that does not work", map[Method]error{Scan: none}, Scan, 0, none},
		{"one is forced that does not exist", nil, Compare + 1, 0, ErrUnsupported},
		{"a kernel before 6.7", map[Method]error{GatedScan: none, Scan: none}, Auto, GatedPagemap, nil},
		{"fault counts mean nothing", map[Method]error{GatedScan: none, GatedPagemap: none}, Auto, Scan, nil},
		{"nothing but memory", map[Method]error{GatedScan: none, GatedPagemap: none, Scan: none, Pagemap: none}, Auto, Compare, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := Support{Best: best(test.refused), Refused: test.refused}.choose(test.wanted)
			if !errors.Is(err, test.err) || err == nil && s.Best != test.want {
				t.Errorf("chose %s, %v: expected %s, %v", s.Best, err, test.want, test.err)
			}
			if err != nil && !errors.Is(err, ErrUnsupported) {
				t.Errorf("%v is not ErrUnsupported", err)
			}
		})
	}
}

func TestProbeNamesAMethodThatCanBeForced(t *testing.T) {
	s := Probe()
	t.Logf("best is %s; refused: %v", s.Best, s.Refused)
	image, err := NewImage(make([]byte, wasmPage), Options{Method: s.Best})
	if err != nil {
		t.Fatal(err)
	}
	if err := image.Close(); err != nil {
		t.Error(err)
	}
}
