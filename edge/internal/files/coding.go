package files

import (
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// codings are those that neighbours may have, the one that is best as a rule
// first.
var codings = [...]struct{ name, suffix string }{{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}}

// neighbour is an open compressed form of a file.
type neighbour struct {
	file   fs.File
	info   fs.FileInfo
	coding string
}

// compressed opens the neighbour that the client likes best. One that is older
// than the file itself was left behind when that was replaced.
func compressed(r *http.Request, fsys fs.FS, name string, of fs.FileInfo) neighbour {
	weights := accepted(r.Header["Accept-Encoding"])
	for {
		best := -1
		for i, w := range weights {
			if w > 0 && (best < 0 || w > weights[best]) {
				best = i
			}
		}
		if best < 0 {
			return neighbour{}
		}
		weights[best] = 0
		f, info, err := open(fsys, name+codings[best].suffix)
		if err != nil {
			continue
		}
		if !info.ModTime().Truncate(time.Second).Before(of.ModTime().Truncate(time.Second)) {
			return neighbour{f, info, codings[best].name}
		}
		_ = f.Close() // it was only looked at
	}
}

// accepted reads Accept-Encoding (RFC 9110, 12.5.3): the weight of each coding
// in thousandths, 0 for those that the client does not take.
func accepted(values []string) (weights [len(codings)]int) {
	const unsaid = -1
	for i := range weights {
		weights[i] = unsaid
	}
	others := 0
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			coding, parameters, _ := strings.Cut(part, ";")
			coding = strings.ToLower(strings.Trim(coding, " \t"))
			weight := weightOf(parameters)
			if coding == "*" {
				others = weight
			}
			for i, c := range codings {
				if coding == c.name || coding == "x-gzip" && c.name == "gzip" {
					weights[i] = weight
				}
			}
		}
	}
	for i := range weights {
		if weights[i] == unsaid {
			weights[i] = others
		}
	}
	return weights
}

// weightOf reads "q=0.5" as 500, and nothing as 1000. What is malformed is not
// wanted.
func weightOf(parameters string) int {
	parameters = strings.Trim(parameters, " \t")
	if parameters == "" {
		return 1000
	}
	name, value, _ := strings.Cut(parameters, "=")
	if !strings.EqualFold(strings.Trim(name, " \t"), "q") {
		return 1000
	}
	q, err := strconv.ParseFloat(strings.Trim(value, " \t"), 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return int(q * 1000)
}
