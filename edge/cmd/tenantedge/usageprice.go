package main

import (
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/accounting"
)

// price is what a unit of a figure costs.
type price struct {
	column string
	unit   *big.Rat
}

// prices weigh the figures of a row.
type prices []price

// decimal is a price: big.Rat would also accept fractions, and exponents that take all memory.
var decimal = regexp.MustCompile(`^[0-9]{1,30}(\.[0-9]{1,30})?$`)

// parsePrices parses the values of --price.
func parsePrices(flags []string) (all prices, err error) {
	for _, flag := range flags {
		column, text, _ := strings.Cut(flag, "=")
		if column != "requests" && !slices.Contains(accounting.Columns[:], column) {
			return nil, usagef("--price: expected requests or one of %s before =, found %q", strings.Join(accounting.Columns[:], ", "), column)
		}
		if !decimal.MatchString(text) {
			return nil, usagef("--price: expected a decimal number such as 0.000001 after %s=, found %q", column, text)
		}
		if slices.ContainsFunc(all, func(p price) bool { return p.column == column }) {
			return nil, usagef("--price: expected one price of %s, found another; remove one", column)
		}
		unit, _ := new(big.Rat).SetString(text) // the expression has checked it
		all = append(all, price{column, unit})
	}
	return all, nil
}

// of returns the sum of the weighted figures, rounded to six decimals.
func (p prices) of(u *accounting.Usage) string {
	sum := new(big.Rat)
	for _, one := range p {
		n := new(big.Rat).SetInt(new(big.Int).SetUint64(u.Figure(one.column)))
		sum.Add(sum, n.Mul(n, one.unit))
	}
	return sum.FloatString(6)
}

// column returns the argument of accounting.Report.WriteCSV.
func (p prices) column() func(*accounting.Usage) string {
	if len(p) == 0 {
		return nil
	}
	return p.of
}
