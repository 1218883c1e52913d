package report

import (
	"fmt"
	"math"
	"strings"
)

// bar is one line of a bar chart.
type bar struct {
	label  string
	value  figure
	text   string // to the right of the bar
	colour int
}

const (
	chartWidth = 860
	labelWidth = 290
	barHeight  = 18
	rowHeight  = 30
	chartTop   = 56
)

// barChart draws horizontal bars with their confidence intervals.
func barChart(title, note string, bars []bar, logarithmic bool, unit func(float64) string) []byte {
	x := axis{from: labelWidth, to: chartWidth - 190, log: logarithmic}
	low, high := math.Inf(1), 0.0
	for _, b := range bars {
		low, high = min(low, b.value.low), max(high, b.value.high)
	}
	if x.high = high; logarithmic {
		x.low, x.high = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
	}
	bottom := chartTop + rowHeight*float64(len(bars))
	p := newPicture(chartWidth, bottom+30, title, note)
	for _, t := range x.ticks() {
		p.line(x.at(t), chartTop-4, x.at(t), bottom, "grid")
		p.text(x.at(t), bottom+18, "note mid num", unit(t))
	}
	for i, b := range bars {
		y := chartTop + rowHeight*float64(i)
		p.text(labelWidth-10, y+14, "end", b.label)
		p.rect(x.from, y, x.at(b.value.median)-x.from, barHeight, b.colour)
		p.line(x.at(b.value.low), y+barHeight/2, x.at(b.value.high), y+barHeight/2, "range")
		p.text(x.at(max(b.value.median, b.value.high))+8, y+14, "num", b.text)
	}
	return p.bytes()
}

// segment is one part of a stacked bar.
type segment struct {
	label  string
	value  float64
	colour int
}

// stackChart draws stacked bars, and below them a legend with the values of the
// last one.
func stackChart(title, note string, rows []string, stacks [][]segment, unit func(float64) string) []byte {
	high := 0.0
	lines := 0
	for _, s := range stacks {
		sum := 0.0
		for _, g := range s {
			sum += g.value
		}
		high = max(high, sum)
		lines = max(lines, len(s))
	}
	x := axis{high: high, from: 110, to: chartWidth - 90}
	y := float64(chartTop)
	p := newPicture(chartWidth, chartTop+float64(len(rows))*44+24+20*float64(lines)+16, title, note)
	for i, s := range stacks {
		p.text(x.from-10, y+20, "end", rows[i])
		at, sum := x.from, 0.0
		for _, g := range s {
			w := x.at(g.value) - x.from
			p.rect(at, y, w, 28, g.colour)
			at, sum = at+w, sum+g.value
		}
		p.text(at+8, y+19, "num", unit(sum))
		y += 44
	}
	y += 14
	for _, g := range stacks[len(stacks)-1] {
		p.rect(x.from, y-10, 12, 12, g.colour)
		p.text(x.from+20, y, "", g.label)
		p.text(x.from+430, y, "end num", unit(g.value))
		y += 20
	}
	return p.bytes()
}

// curve is a line of a line chart.
type curve struct {
	label  string
	x      []float64
	y      []figure
	colour int
}

// lines is a line chart.
type lines struct {
	title, note, xTitle string
	logX, logY          bool
	xUnit, yUnit        func(float64) string
}

// draw draws curves, each with a label at its end, and with confidence intervals
// if there are at most 20 points.
func (l lines) draw(curves []curve) []byte {
	const height, bottom, few = 330, 280, 20
	x := axis{low: curves[0].x[0], from: 70, to: chartWidth - 230, log: l.logX}
	y := axis{from: bottom, to: chartTop, log: l.logY}
	low, high := math.Inf(1), 0.0
	for _, c := range curves {
		x.high = max(x.high, c.x[len(c.x)-1])
		for _, f := range c.y {
			low, high = min(low, f.low), max(high, f.high)
		}
	}
	if y.high = high * 1.05; l.logY {
		y.low, y.high = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
	}
	p := newPicture(chartWidth, height, l.title, l.note)
	for _, t := range y.ticks() {
		p.line(x.from, y.at(t), x.to, y.at(t), "grid")
		p.text(x.from-8, y.at(t)+4, "note end num", l.yUnit(t))
	}
	ticks := curves[0].x
	if len(ticks) > few {
		ticks = x.ticks()
	}
	for _, t := range ticks {
		p.text(x.at(t), bottom+20, "note mid num", l.xUnit(t))
	}
	p.text((x.from+x.to)/2, bottom+42, "note mid", l.xTitle)
	labels := spread(curves, y)
	for i, c := range curves {
		var points []string
		for j := range c.x {
			px, f := x.at(c.x[j]), c.y[j]
			points = append(points, fmt.Sprintf("%.1f,%.1f", px, y.at(f.median)))
			if len(c.x) <= few {
				p.line(px, y.at(f.low), px, y.at(f.high), "range")
			}
		}
		fmt.Fprintf(&p.body, `<polyline points="%s" class="line c%d"/>`+"\n", strings.Join(points, " "), c.colour)
		p.text(x.to+10, labels[i], fmt.Sprintf("ink c%d", c.colour), c.label)
	}
	return p.bytes()
}

// spread returns the positions of the labels at the ends of curves, moved apart
// where they would overlap.
func spread(curves []curve, y axis) []float64 {
	const apart = 17
	at := make([]float64, len(curves))
	for i, c := range curves {
		at[i] = y.at(c.y[len(c.y)-1].median) + 4
	}
	for range curves { // the curves are few, so repeated pushing settles
		for i := range at {
			for j := range at {
				if i != j && at[i] <= at[j] && at[j]-at[i] < apart && (at[i] < at[j] || i < j) {
					at[j] = at[i] + apart
				}
			}
		}
	}
	return at
}
