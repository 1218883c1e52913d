package config

import (
	"strings"
	"testing"
)

func TestTheRateOfRecordingIsAShare(t *testing.T) {
	for text, want := range map[string]float64{"1%": 0.01, "0.5 %": 0.005, "100%": 1, "0.25": 0.25, "0": 0, "1": 1} {
		f, err := Parse("x.yaml", []byte("record: {folder: log, rate: "+text+"}"))
		if err != nil || float64(f.Record.Rate) != want {
			t.Errorf("%s: %v, %v; want %v", text, f, err, want)
			continue
		}
		if r := f.Recording(); (r == nil) != (want == 0) || r != nil && r.Rate != want {
			t.Errorf("%s: Recording is %+v", text, r)
		}
	}
	for _, text := range []string{"101%", "2", "-0.1", "some", "'0.5'", ".nan", "[1]"} {
		_, err := Parse("x.yaml", []byte("record: {folder: log, rate: "+text+"}"))
		if err == nil || !strings.Contains(err.Error(), `expected a percentage such as "1%"`) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestWithoutTheSectionNothingIsRecorded(t *testing.T) {
	f, err := Parse("x.yaml", nil)
	if err != nil || f.Recording() != nil || f.Edge().Recording != nil {
		t.Errorf("Recording is %v, %v", f.Recording(), err)
	}
}
