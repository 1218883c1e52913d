package config

import (
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	levelType    = reflect.TypeFor[slog.Level]()
)

// scalar decodes a plain value. what is its check, from the `key` tag:
//
//	one=a|b       a text, one of these
//	nonempty      a text that is not empty
//	path          a file or folder, relative to the folder of the configuration
//	header        the name of an HTTP header
//	header?       the same, or empty
//	cookie        the name of a cookie
//	env           the name of an environment variable
//	address       host:port to listen on
//	table         a Postgres table, with or without a schema
//	bytes         a number of bytes, or a text with a unit: 64KiB
//	min=n         a number of at least n
//	min=1         a duration longer than 0
func (v value) scalar(dst reflect.Value, what string) {
	switch {
	case dst.Type() == durationType:
		v.duration(dst, what)
	case dst.Type() == levelType:
		v.level(dst)
	case what == "bytes":
		v.bytes(dst)
	case dst.Kind() == reflect.Bool:
		if v.n.kind != kindBool {
			v.want("true or false")
			return
		}
		dst.SetBool(v.n.text == "true")
	case dst.Kind() == reflect.String:
		v.text(dst, what)
	default:
		v.number(dst, what)
	}
}

func (v value) text(dst reflect.Value, what string) {
	if v.n.kind != kindString {
		if v.n.kind == kindList || v.n.kind == kindMapping {
			v.want("a string")
		} else {
			v.fail("expected a string, found %s; put it in quotes", v.n.found())
		}
		return
	}
	s := v.n.text
	rule, arg, _ := strings.Cut(what, "=")
	switch rule {
	case "one":
		choices := strings.Split(arg, "|")
		for _, c := range choices {
			if s == c {
				dst.SetString(s)
				return
			}
		}
		v.oneOf(choices)
		return
	case "nonempty":
		if s == "" {
			v.fail("expected a string, found an empty one; fill it in or remove the key")
			return
		}
	case "path":
		if s == "" || strings.ContainsRune(s, 0) {
			v.want("the path of a file or folder")
			return
		}
		if !filepath.IsAbs(s) {
			s = filepath.Join(v.d.folder, s)
		}
	case "header", "header?":
		if !isToken(s) && (s != "" || rule == "header") {
			v.fail("expected the name of an HTTP header, found %s; use letters, digits and hyphens", v.n.found())
			return
		}
	case "env":
		if !envName.MatchString(s) { // the error omits the text, which may be the secret itself
			v.fail("expected the name of an environment variable, found an invalid name; use letters, digits and underscores")
			return
		}
	case "cookie":
		if !isToken(s) {
			v.fail("expected the name of a cookie, found %s; use letters, digits, hyphens and underscores", v.n.found())
			return
		}
	case "address":
		if problem := checkAddress(s); problem != "" {
			v.fail("expected an address such as \":8080\" or \"127.0.0.1:8080\", found %s; %s", v.n.found(), problem)
			return
		}
	case "table":
		if !tableName.MatchString(s) {
			v.fail("expected the name of a table such as \"app_tenant\" or \"public.app_tenant\", found %s", v.n.found())
			return
		}
	}
	dst.SetString(s)
}

func (v value) oneOf(choices []string) {
	hint := suggest(v.n.text, choices)
	if hint != "" {
		v.fail("expected %s, found %s; did you mean %s?", strings.Join(choices, " or "), v.n.found(), hint)
		return
	}
	v.want(strings.Join(choices, " or "))
}

func (v value) number(dst reflect.Value, what string) {
	least, _ := strconv.ParseInt(strings.TrimPrefix(what, "min="), 10, 64)
	n, err := strconv.ParseInt(v.n.text, 10, 64)
	if v.n.kind != kindInt || err != nil || n < least || dst.OverflowInt(n) {
		v.want(fmt.Sprintf("a whole number of at least %d", least))
		return
	}
	dst.SetInt(n)
}

var days = regexp.MustCompile(`^(\d{1,5})d`)

// duration accepts Go's notation, also after days: 14d, 1d12h, 1m30s, 250ms.
func (v value) duration(dst reflect.Value, what string) {
	const expected = "a duration such as \"30s\", \"5m\" or \"14d\""
	if v.n.kind == kindInt && v.n.text != "0" {
		v.fail("expected %s, found %s; add the unit: \"%ss\" for seconds", expected, v.n.found(), v.n.text)
		return
	}
	if v.n.kind != kindString && v.n.kind != kindInt {
		v.want(expected)
		return
	}
	text, total := v.n.text, time.Duration(0)
	if m := days.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1])
		total = time.Duration(n) * 24 * time.Hour
		text = text[len(m[0]):]
	}
	if text != "" || total == 0 && v.n.text == "" {
		rest, err := time.ParseDuration(text)
		if err != nil || rest < 0 || rest > math.MaxInt64-total {
			v.want(expected)
			return
		}
		total += rest
	}
	if what == "min=1" && total == 0 {
		v.fail("expected a positive duration, found %s", v.n.found())
		return
	}
	dst.SetInt(int64(total))
}

func (v value) level(dst reflect.Value) {
	levels := []string{"debug", "info", "warn", "error"}
	for i, name := range levels {
		if v.n.kind == kindString && v.n.text == name {
			dst.SetInt(int64(slog.LevelDebug) + int64(i)*4)
			return
		}
	}
	v.oneOf(levels)
}

var (
	size      = regexp.MustCompile(`^(\d{1,18})\s*([kKMGT]i?)?B?$`)
	sizeUnits = map[string]int64{
		"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
		"ki": 1 << 10, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40,
	}
)

func (v value) bytes(dst reflect.Value) {
	m := size.FindStringSubmatch(v.n.text)
	if m == nil || v.n.kind != kindInt && v.n.kind != kindString {
		v.want("a number of bytes, or a size such as \"64KiB\" or \"10MB\"")
		return
	}
	n, _ := strconv.ParseInt(m[1], 10, 64)
	unit := sizeUnits[m[2]]
	if n > math.MaxInt64/unit || dst.OverflowInt(n*unit) {
		v.want("a smaller number of bytes")
		return
	}
	dst.SetInt(n * unit)
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

var tableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]{0,62}(\.[A-Za-z_][A-Za-z0-9_$]{0,62})?$`)

// isToken reports whether s is a token (RFC 9110, section 5.6.2), as names of
// headers and cookies are.
func isToken(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte("!#$%&'*+-.^_`|~", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// checkAddress returns how to correct an address that nothing can listen on, or
// the empty string.
func checkAddress(s string) string {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "add a colon and a port after the host, and put an IPv6 address in brackets"
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "give the port as a number up to 65535"
	}
	if strings.Contains(host, ":") {
		if _, err := netip.ParseAddr(host); err != nil {
			return "give an IP address in the brackets"
		}
	}
	return ""
}
