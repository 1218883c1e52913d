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
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/suggest"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	levelType    = reflect.TypeFor[slog.Level]()
)

// scalar decodes a scalar and checks it as the `key` tag says:
//
//	one=a|b       a text, one of these; a is the false of a bool and b the true
//	nonempty      a text that is not empty
//	path          a file or folder, relative to the folder of the configuration
//	header        the name of an HTTP header
//	header?       the same, or empty
//	cookie        the name of a cookie
//	env           the name of an environment variable
//	address       host:port to listen on, or systemd:NAME
//	table         a Postgres table, with or without a schema
//	bytes         a number of bytes, or a text with a unit: 64KiB
//	min=n         a number of at least n
//	min=1         a duration longer than 0
func (v value) scalar(dst reflect.Value, check string) {
	switch {
	case dst.Type() == durationType:
		v.duration(dst, check)
	case dst.Type() == levelType:
		v.level(dst)
	case check == "bytes":
		v.bytes(dst)
	case dst.Kind() == reflect.Bool && strings.HasPrefix(check, "one="):
		var choice string
		v.text(reflect.ValueOf(&choice).Elem(), check)
		dst.SetBool(choice != "" && strings.HasSuffix(check, "|"+choice))
	case dst.Kind() == reflect.Bool:
		if v.n.kind != kindBool {
			v.mismatch("true or false")
			return
		}
		dst.SetBool(v.n.text == "true")
	case dst.Kind() == reflect.String:
		v.text(dst, check)
	default:
		v.number(dst, check)
	}
}

func (v value) text(dst reflect.Value, check string) {
	if v.n.kind != kindString {
		switch rule, choices, _ := strings.Cut(check, "="); {
		case rule == "one":
			v.notOneOf(strings.Split(choices, "|"))
		case rule == "address" && v.n.kind == kindInt:
			v.checkText(check)
		case v.n.kind == kindList || v.n.kind == kindMapping:
			v.mismatch("a string")
		default:
			v.fail("expected a string, found %s; put it in quotes", v.n.found())
		}
		return
	}
	if !v.checkText(check) {
		return
	}
	s := v.n.text
	if (check == "path" || check == "guest" && !artifact.IsReference(s)) && !filepath.IsAbs(s) {
		s = filepath.Join(v.d.folder, s)
	}
	dst.SetString(s)
}

// checkText reports whether the text of v passes a check, and records the problem
// if it does not.
func (v value) checkText(check string) bool {
	failed := v.d.failed
	s := v.n.text
	rule, choices, _ := strings.Cut(check, "=")
	switch {
	case rule == "one":
		if list := strings.Split(choices, "|"); !slices.Contains(list, s) {
			v.notOneOf(list)
		}
	case rule == "nonempty" && s == "":
		v.fail("expected a string, found an empty one; fill it in or remove the key")
	case rule == "guest" && artifact.IsReference(s):
		if _, err := artifact.Parse(s); err != nil {
			v.fail("%v", err)
		}
	case (rule == "path" || rule == "guest") && (s == "" || strings.ContainsRune(s, 0)):
		v.mismatch("the path of a file or folder")
	case rule == "header" && !isToken(s), rule == "header?" && s != "" && !isToken(s):
		v.fail("expected the name of an HTTP header, found %s; use letters, digits and hyphens", v.n.found())
	case rule == "env" && !envName.MatchString(s): // the error omits the text, which may be the secret itself
		v.fail("expected the name of an environment variable, found an invalid name; use letters, digits and underscores")
	case rule == "cookie" && !isToken(s):
		v.fail("expected the name of a cookie, found %s; use letters, digits, hyphens and underscores", v.n.found())
	case rule == "address" && addressProblem(s) != "":
		v.fail("expected an address such as \":8080\" or \"127.0.0.1:8080\", found %s; %s", v.n.found(), addressProblem(s))
	case rule == "table" && !tableName.MatchString(s):
		v.fail("expected the name of a table such as \"app_tenant\" or \"public.app_tenant\", found %s", v.n.found())
	}
	return v.d.failed == failed
}

// notOneOf reports that v is none of two or more choices.
func (v value) notOneOf(choices []string) {
	last := len(choices) - 1
	expected := choices[last]
	if last > 0 {
		expected = strings.Join(choices[:last], ", ") + " or " + expected
	}
	if hint := suggest.Name(v.n.text, choices); hint != "" {
		v.fail("expected %s, found %s; did you mean %s?", expected, v.n.found(), hint)
		return
	}
	v.mismatch(expected)
}

func (v value) number(dst reflect.Value, check string) {
	minimum, _ := strconv.ParseInt(strings.TrimPrefix(check, "min="), 10, 64)
	n, err := strconv.ParseInt(v.n.text, 10, 64)
	if v.n.kind != kindInt || err != nil || n < minimum || dst.OverflowInt(n) {
		v.mismatch(fmt.Sprintf("a whole number of at least %d", minimum))
		return
	}
	dst.SetInt(n)
}

var days = regexp.MustCompile(`^(\d{1,5})d`)

// duration accepts Go's notation, also after days: 14d, 1d12h, 1m30s, 250ms.
func (v value) duration(dst reflect.Value, check string) {
	const expected = "a duration such as \"30s\", \"5m\" or \"14d\""
	if v.n.kind == kindInt && v.n.text != "0" {
		v.fail("expected %s, found %s; add the unit: \"%ss\" for seconds", expected, v.n.found(), v.n.text)
		return
	}
	if v.n.kind != kindString && v.n.kind != kindInt {
		v.mismatch(expected)
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
			v.mismatch(expected)
			return
		}
		total += rest
	}
	if check == "min=1" && total == 0 {
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
	v.notOneOf(levels)
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
		v.mismatch("a number of bytes, or a size such as \"64KiB\" or \"10MB\"")
		return
	}
	n, _ := strconv.ParseInt(m[1], 10, 64)
	unit := sizeUnits[m[2]]
	if n > math.MaxInt64/unit || dst.OverflowInt(n*unit) {
		v.mismatch("a smaller number of bytes")
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

// SocketName returns the name of the socket of systemd that an address such as
// "systemd:http" means. ok is false for other addresses.
func SocketName(address string) (name string, ok bool) { return strings.CutPrefix(address, "systemd:") }

// addressProblem returns how to correct an address that nothing can listen on, or
// the empty string.
func addressProblem(s string) string {
	if name, ok := SocketName(s); ok {
		if name == "" || len(name) > 255 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }) {
			return "give the name of a systemd socket, its FileDescriptorName, after systemd:"
		}
		return ""
	}
	if _, err := strconv.ParseUint(s, 10, 16); err == nil {
		return "put a colon before the port, and quotes around both"
	}
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
