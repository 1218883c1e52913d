package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// picture is an SVG under construction. It suits light and dark pages: it has no
// background, and its colours follow the reader's colour scheme.
type picture struct {
	width, height float64
	body          strings.Builder
}

const style = `<style>
text{font:13px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}
.title{font-size:16px;font-weight:600}.note{fill:#57606a}.num{font-variant-numeric:tabular-nums}
.end{text-anchor:end}.mid{text-anchor:middle}
.grid{stroke:#d0d7de;stroke-width:1}.axis{stroke:#8c959f;stroke-width:1}.range{stroke:#1f2328;stroke-width:1.5}
.c0{--c:#0969da}.c1{--c:#8c959f}.c2{--c:#bc4c00}.c3{--c:#1a7f37}.c4{--c:#8250df}.c5{--c:#bf3989}.c6{--c:#9a6700}
.fill{fill:var(--c)}.line{stroke:var(--c);fill:none;stroke-width:2.5;stroke-linejoin:round}text.ink{fill:var(--c);font-weight:600}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#9198a1}.grid{stroke:#30363d}.axis{stroke:#6e7681}.range{stroke:#e6edf3}
.c0{--c:#58a6ff}.c1{--c:#8b949e}.c2{--c:#f0883e}.c3{--c:#3fb950}.c4{--c:#bc8cff}.c5{--c:#f778ba}.c6{--c:#d29922}}
</style>
`

// Colours by meaning.
const (
	ours  = iota
	floor // the baseline
	other
	third
	fourth
	fifth
	sixth
)

func newPicture(width, height float64, title, note string) *picture {
	p := &picture{width: width, height: height}
	p.text(0, 18, "title", title)
	p.text(0, 38, "note", note)
	return p
}

func (p *picture) text(x, y float64, class, s string) {
	fmt.Fprintf(&p.body, `<text x="%.1f" y="%.1f" class="%s">%s</text>`+"\n", x, y, class, html.EscapeString(s))
}

func (p *picture) rect(x, y, w, h float64, colour int) {
	fmt.Fprintf(&p.body, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" class="fill c%d"/>`+"\n", x, y, max(w, 1), h, colour)
}

func (p *picture) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&p.body, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`+"\n", x1, y1, x2, y2, class)
}

func (p *picture) bytes() []byte {
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img">`+"\n%s%s</svg>\n",
		p.width, p.height, p.width, p.height, style, p.body.String())
}

// axis maps values to positions in pixels, linearly or logarithmically.
type axis struct {
	low, high, from, to float64
	log                 bool
}

func (a axis) at(v float64) float64 {
	if a.log {
		return a.from + (a.to-a.from)*math.Log(v/a.low)/math.Log(a.high/a.low)
	}
	return a.from + (a.to-a.from)*(v-a.low)/(a.high-a.low)
}

// ticks returns round values along the axis.
func (a axis) ticks() (ticks []float64) {
	if a.log && !(a.low > 0 && a.high < math.Inf(1)) {
		return nil // the bounds have no logarithms
	}
	if a.log {
		for v := math.Pow(10, math.Ceil(math.Log10(a.low)-1e-9)); v <= a.high*(1+1e-9); v *= 10 {
			ticks = append(ticks, v)
		}
		return ticks
	}
	step := niceStep((a.high - a.low) / 5)
	for v := max(0, math.Ceil(a.low/step-1e-9)*step); v <= a.high+step*1e-9; v += step {
		ticks = append(ticks, v)
	}
	return ticks
}

// niceStep rounds v up to 1, 2 or 5 times a power of ten.
func niceStep(v float64) float64 {
	ten := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*ten >= v {
			return m * ten
		}
	}
	return 10 * ten
}
