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

// compressed opens the neighbour that the client likes best, if it likes any as
// much as the file as it is. One that is older than the file itself was left
// over when that was replaced.
func compressed(r *http.Request, fsys fs.FS, name string, of fs.FileInfo) neighbour {
	weights, identity := accepted(r.Header["Accept-Encoding"])
	for {
		best := -1
		for i, w := range weights {
			if w > 0 && w >= identity && (best < 0 || w > weights[best]) {
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
// and of none (identity) in thousandths, 0 for those that the client does not
// take. Without a word on identity its weight is 0: it is taken, but after all
// that are listed.
func accepted(values []string) (weights [len(codings)]int, identity int) {
	const unsaid = -1
	for i := range weights {
		weights[i] = unsaid
	}
	identity = unsaid
	others := 0
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			coding, parameters, more := strings.Cut(part, ";")
			coding = strings.ToLower(strings.Trim(coding, " \t"))
			weight := 1000
			if more {
				weight = weightOf(parameters)
			}
			switch coding {
			case "*":
				others = weight
			case "identity":
				identity = weight
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
	if identity == unsaid {
		identity = others
	}
	return weights, identity
}

// weightOf reads "q=0.5" as 500 (RFC 9110, 12.4.2: at most three decimals, and
// no more than 1). What is malformed is not wanted.
func weightOf(parameters string) int {
	parameters = strings.Trim(parameters, " \t")
	if len(parameters) < len("q=0") || len(parameters) > len("q=0.000") || !strings.EqualFold(parameters[:2], "q=") {
		return 0
	}
	whole, decimals, dotted := strings.Cut(parameters[2:], ".")
	if whole != "0" && whole != "1" || strings.Trim(decimals, "0123456789") != "" {
		return 0
	}
	q := int(whole[0]-'0') * 1000
	if dotted {
		thousandths, _ := strconv.Atoi((decimals + "000")[:3]) // three digits
		q += thousandths
	}
	if q > 1000 {
		return 0
	}
	return q
}
