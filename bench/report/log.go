package report

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

// log is a parsed raw log.
type log struct {
	config  map[string]string // the "key: value" lines
	names   []string          // of benchmarks, in the order of the log
	samples map[string]map[string][]float64
}

var configLine = regexp.MustCompile(`^([a-z][^\s:]*):\s+(.*)$`)

// readLog reads the log of a suite. It returns nil if there is none.
func readLog(folder, suite string) (*log, error) {
	name := filepath.Join(folder, suite+".txt")
	b, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l := &log{config: map[string]string{}, samples: map[string]map[string][]float64{}}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		if m := configLine.FindStringSubmatch(lines.Text()); m != nil {
			l.config[m[1]] = m[2]
		}
	}
	r := benchfmt.NewReader(bytes.NewReader(b), name)
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.Result:
			l.add(rec)
		case *benchfmt.SyntaxError:
			return nil, fmt.Errorf("report: %w", rec)
		}
	}
	return l, r.Err()
}

// add records the values of a line, in the units of the log.
func (l *log) add(r *benchfmt.Result) {
	name := string(r.Name)
	if l.samples[name] == nil {
		l.names = append(l.names, name)
		l.samples[name] = map[string][]float64{}
	}
	for _, v := range r.Values {
		value, unit := v.Value, v.Unit
		if v.OrigUnit != "" {
			value, unit = v.OrigValue, v.OrigUnit
		}
		l.samples[name][unit] = append(l.samples[name][unit], value)
	}
}

// figure is a median with its 95 % confidence interval, or with the full range
// if there are too few rounds for an interval.
type figure struct{ median, low, high float64 }

const confidence = 0.95

// figure returns the result of a benchmark in a unit, if there is one.
func (l *log) figure(name, unit string) (figure, bool) {
	values := l.samples[name][unit]
	if len(values) == 0 {
		return figure{}, false
	}
	sample := l.sample(name, unit)
	s := benchmath.AssumeNothing.Summary(sample, confidence)
	// With few rounds the interval is unbounded.
	return figure{s.Center, max(s.Lo, sample.Values[0]), min(s.Hi, sample.Values[len(sample.Values)-1])}, true
}

func (l *log) sample(name, unit string) *benchmath.Sample {
	return benchmath.NewSample(append([]float64(nil), l.samples[name][unit]...), &benchmath.DefaultThresholds)
}

// differ reports whether the difference of two benchmarks is significant.
func (l *log) differ(a, b, unit string) bool {
	c := benchmath.AssumeNothing.Compare(l.sample(a, unit), l.sample(b, unit))
	return c.P <= c.Alpha
}

// part returns the value of a key in the name of a benchmark: "edge" for the key
// "rival" in Route/rival=edge.
func part(name, key string) string {
	for _, p := range strings.Split(name, "/") {
		if v, ok := strings.CutPrefix(p, key+"="); ok {
			return v
		}
	}
	return ""
}

// machine describes the machine that wrote the log.
func (l *log) machine() string {
	return fmt.Sprintf("%s, %s cores, %s/%s, %s", l.config["cpu"], l.config["cores"], l.config["goos"], l.config["goarch"], l.config["go"])
}
