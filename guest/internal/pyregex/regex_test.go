package pyregex

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLinear(t *testing.T) {
	for _, c := range []struct {
		name, expr string
		linear     bool
	}{
		{"groups and repetitions", `^room/(?P<room>\w+)/(?P<page>\d{1,3})?$`, true},
		{"a dollar that is not at the end", `a$|b`, true},
		{"a word boundary", `\ba`, true},
		{"look-ahead", `a(?!b)`, false},
		{"a back reference", `(a)\1`, false},
		{"a condition", `(a)?(?(1)b)`, false},
		{"an atomic group", `(?>a)`, false},
		{"a possessive quantifier", `a*+`, false},
		{"repetitions that may match the empty text", `(a|b*)*`, false},
		{"at most one repetition that may match the empty text", `(a*)?`, true},
		{"many repetitions", `a{2000}`, true},
		{"a negated class with another class in brackets", `[\W\d]`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			re, err := Compile(c.expr)
			if err != nil {
				t.Fatal(err)
			}
			if got := re.Linear(); got != c.linear {
				t.Errorf("Linear is %v, want %v", got, c.linear)
			}
		})
	}
}

// Each of these backtracks in exponential or quadratic time without marks.
func TestLinearTime(t *testing.T) {
	for _, expr := range []string{
		`^(?:a|aa)+$`, `^(?:a|aa)+?$`, `(a+)+b`, `(a+?)+?b`, `(?:a{1,3}|a{2})*b`, `(?:a{1,3}?)*b`, `a+b`, `a*?b`, `(?:(a+)(a+)?)+b`,
	} {
		re, err := Compile(expr)
		if err != nil {
			t.Fatal(err)
		}
		var retries []int
		for _, n := range []int{4000, 8000} {
			m := machine{program: &re.program, text: strings.Repeat("a", n) + "c", slots: make([]int, re.program.slots)}
			if m.match(0, re.from) {
				t.Fatalf("%s matches", expr)
			}
			retries = append(retries, m.retries)
		}
		if retries[1] > 3*retries[0] {
			t.Errorf("%s: %d alternatives for 4,000 letters and %d for 8,000, want about twice as many", expr, retries[0], retries[1])
		}
	}
}

func TestErrorsOfCompile(t *testing.T) {
	for expr, want := range map[string]string{
		`(`:                       "closes a group",
		`)`:                       "closes nothing",
		`*a`:                      "something to repeat",
		`a**`:                     "another quantifier",
		`a{2,1}`:                  "at least 2",
		`a{9999999}`:              "at most 1048576",
		`a(?i)b`:                  "at the beginning",
		`(?<name>a)`:              "a group of Python's syntax",
		`(?P<a>.)(?P<a>.)`:        `"a" twice`,
		`(?P=b)`:                  `found "b"`,
		`(?<=a*)b`:                "one width",
		`\p{L}`:                   `\p`,
		`\N{DIGIT ONE}`:           `\u`,
		`[b-a]`:                   "a later one",
		`((a{1000}){1000}){1000}`: "too large",
		strings.Repeat("(", 300) + strings.Repeat(")", 300): "at most 250",
	} {
		if _, err := Compile(expr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want one with %q", expr, err, want)
		}
	}
}

func TestLowerCaseZMatchesTheEndAsInPython314(t *testing.T) {
	re, err := Compile(`^a\z`)
	if err != nil {
		t.Fatal(err)
	}
	if re.Match("a") == nil || re.Match("a\n") != nil {
		t.Error(`\z does not match exactly at the end of the text`)
	}
}

func TestReplaceAll(t *testing.T) {
	for _, c := range []struct {
		expr, text, want string
		ok               bool
	}{
		{`^/a.c/`, "/abc/abc/", "/abc/", true},
		{`/(?!x)`, "/abc/", "/abc/", false},
	} {
		re, err := Compile(c.expr)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := re.ReplaceAll(c.text, "/"); got != c.want || ok != c.ok {
			t.Errorf("%q: result %q, %v, want %q, %v", c.expr, got, ok, c.want, c.ok)
		}
	}
}

// FuzzMatchers compares backtracking with and without marks, and with Go's regexp if
// that can express the same.
func FuzzMatchers(f *testing.F) {
	for _, expr := range []string{
		`^room/(?P<room>\w+)/$`, `(a|ab)(c|bcd)*?`, `(?i)[^k]+\b`, `(?sm)^.*?$|\B`, `(?x) a # b`, `(a){2,3}?b*`,
		`(?<!a)b(?(1)c|d)`, `\x61\u0062[\W\d]`, `(?>a*)a++`, `((a*)*)*`, `^$|[]a-c]{,2}`,
	} {
		f.Add(expr, "room/ab/")
		f.Add(expr, "aébcİ\n")
	}
	f.Fuzz(func(t *testing.T, expr, text string) {
		// Longer inputs can take exponential time and find no further errors.
		if len(expr) > 30 || len(text) > 10 {
			return
		}
		expr, text = strings.ToValidUTF8(expr, ""), strings.ToValidUTF8(text, "")
		re, err := Compile(expr)
		if err != nil {
			return
		}
		got := re.Match(text)
		if re.Linear() {
			// With marks from the start.
			m := machine{program: &re.program, text: text, slots: make([]int, re.program.slots), retries: unmarked}
			if matches := m.match(0, re.from); matches != (got != nil) || matches && !slices.Equal(m.slots[:len(got)], got) {
				t.Errorf("%q on %q: without marks the match is %v, with marks %v, %v", expr, text, got, matches, m.slots)
			}
		}
		n, _, _ := parse(expr)
		goes, except := inGo(n, strings.HasSuffix(expr, "$"))
		if goes == nil || except.lineFeedAtEnd && strings.HasSuffix(text, "\n") || except.notASCII && !isASCII(text) || except.empty && text == "" {
			return
		}
		if want := goes.FindStringSubmatchIndex(text); !slices.Equal(got, want) {
			t.Errorf("%q on %q: backtracking finds %v, Go's regexp %v", expr, text, got, want)
		}
		if got, ok := re.ReplaceAll(text, "/"); !ok || got != goes.ReplaceAllLiteralString(text, "/") {
			t.Errorf("%q on %q: with matches replaced it is %q, %v; with Go's regexp %q", expr, text, got, ok, goes.ReplaceAllLiteralString(text, "/"))
		}
	})
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
