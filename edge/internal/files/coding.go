package files

import (
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// codings are the content codings of variants, the usually best one first.
var codings = [...]struct {
	name, suffix string
	value        []string // of Content-Encoding
}{{"br", ".br", []string{"br"}}, {"zstd", ".zst", []string{"zstd"}}, {"gzip", ".gz", []string{"gzip"}}}

// compressed opens the precompressed form of a file that the client prefers, which
// is next to the file, and returns its Content-Encoding; nil if the client prefers
// the uncompressed file. A form that is older than the file is stale, and is ignored.
func compressed(r *http.Request, fsys fs.FS, name string, of fs.FileInfo, o Options) (File, []string) {
	weights, identity := accepted(r.Header["Accept-Encoding"])
	for {
		best := -1
		for i, w := range weights {
			if w > 0 && w >= identity && (best < 0 || w > weights[best]) {
				best = i
			}
		}
		if best < 0 {
			return File{}, nil
		}
		weights[best] = 0
		f, err := Open(fsys, name+codings[best].suffix, o)
		if err != nil {
			continue
		}
		if !f.info.ModTime().Truncate(time.Second).Before(of.ModTime().Truncate(time.Second)) {
			return f, codings[best].value
		}
		f.Close()
	}
}

// accepted parses Accept-Encoding (RFC 9110, section 12.5.3). It returns the weight
// of each coding and of identity (no coding) in thousandths; 0 for codings that the
// client does not accept. If the header does not mention identity, its weight is
// 0: it is acceptable, but every listed coding is better.
func accepted(values []string) (weights [len(codings)]int, identity int) {
	const unset = -1
	for i := range weights {
		weights[i] = unset
	}
	identity = unset
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
		if weights[i] == unset {
			weights[i] = others
		}
	}
	if identity == unset {
		identity = others
	}
	return weights, identity
}

// weightOf parses "q=0.5" as 500 (RFC 9110, section 12.4.2: at most three decimals,
// at most 1). A malformed weight is 0.
func weightOf(parameters string) int {
	parameters = strings.Trim(parameters, " \t")
	if len(parameters) < len("q=0") || len(parameters) > len("q=0.000") || !strings.EqualFold(parameters[:2], "q=") {
		return 0
	}
	units, decimals, dotted := strings.Cut(parameters[2:], ".")
	if units != "0" && units != "1" || strings.Trim(decimals, "0123456789") != "" {
		return 0
	}
	q := int(units[0]-'0') * 1000
	if dotted {
		thousandths, _ := strconv.Atoi((decimals + "000")[:3]) // three digits
		q += thousandths
	}
	if q > 1000 {
		return 0
	}
	return q
}
