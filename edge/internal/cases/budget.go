package cases

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
)

// Budget is the fuel that each case is known to cost. Fuel is the same on every
// machine, but not with every version of the meter.
type Budget struct {
	FuelVersion int               `json:"fuel_version"`
	Fuel        map[string]uint64 `json:"fuel"` // by the name of the case
}

// BudgetOf returns the budget that results use up.
func BudgetOf(results []Result) *Budget {
	b := &Budget{FuelVersion: meter.Version, Fuel: make(map[string]uint64, len(results))}
	for i := range results {
		b.Fuel[results[i].Name] = results[i].Fuel
	}
	return b
}

// ErrFuelVersion is the error for a budget that another version of the meter has
// counted.
var ErrFuelVersion = errors.New("fuel of another version")

// LoadBudget reads the file at path. The error wraps fs.ErrNotExist if there is
// none, or ErrFuelVersion.
func LoadBudget(path string) (*Budget, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("budget: %w", err)
	}
	return parseBudget(path, data)
}

func parseBudget(path string, data []byte) (*Budget, error) {
	b := &Budget{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(b)
	if _, end := d.Token(); err == nil && end != io.EOF {
		err = errors.New("found more after the JSON object")
	}
	if err == nil && b.Fuel == nil {
		err = errors.New("found no fuel in it")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: expected a file that guest test --budget has written: %w", path, err)
	}
	if b.FuelVersion != meter.Version {
		return nil, fmt.Errorf("%s: %w: expected version %d, found version %d: this tenantedge counts fuel differently from the one that recorded it; record it again with --update",
			path, ErrFuelVersion, meter.Version, b.FuelVersion)
	}
	return b, nil
}

// Save writes b to the file at path: JSON, one case a line, sorted by name.
func (b *Budget) Save(path string) error {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(b); err != nil {
		return fmt.Errorf("budget: %w", err)
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// Change is a case whose fuel is not the recorded one.
type Change struct {
	Name     string  `json:"name"`
	Kind     string  `json:"kind"` // more, less, new or vanished
	Recorded uint64  `json:"recorded"`
	Found    uint64  `json:"found"`
	Percent  float64 `json:"percent"` // of Recorded, by which Found is more; 0 if new or vanished
}

// Kinds of a [Change].
const (
	More     = "more"
	Less     = "less"
	New      = "new"
	Vanished = "vanished"
)

// Compare returns the cases whose fuel in found is not that in b, sorted by name.
func (b *Budget) Compare(found *Budget) (changes []Change) {
	names := maps.Clone(b.Fuel)
	maps.Copy(names, found.Fuel)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, recorded := b.Fuel[name]
		is, ran := found.Fuel[name]
		c := Change{Name: name, Recorded: was, Found: is}
		switch {
		case !recorded:
			c.Kind = New
		case !ran:
			c.Kind = Vanished
		case is > was:
			c.Kind = More
		case is < was:
			c.Kind = Less
		default:
			continue
		}
		if recorded && ran && was > 0 {
			c.Percent = 100 * (float64(is)/float64(was) - 1)
		}
		changes = append(changes, c)
	}
	return changes
}
