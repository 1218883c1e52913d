package pyregex

import (
	"slices"
	"strings"
	"testing"
)

func TestLinear(t *testing.T) {
	for _, c := range []struct {
		name, expr, text string
		linear           bool
	}{
		{"an expression that means the same in Go", `^room/(?P<room>\w+)/(?P<page>\d{1,3})?$`, "room/a/", true},
		{"a dollar, and no line feed at the end", `a$|b`, "a", true},
		{"a dollar, and a line feed at the end", `a$|b`, "a\n", false},
		{"a word boundary in ASCII", `\ba`, "a", true},
		{"a word boundary at a letter outside of ASCII", `\ba`, "é", false},
		{"a word boundary with the flag for ASCII", `(?a)\ba`, "é", true},
		{`\B in an empty text`, `\B`, "", false},
		{"look-ahead", `a(?!b)`, "a", false},
		{"a back reference", `(a)\1`, "aa", false},
		{"a possessive quantifier", `a*+`, "a", false},
		{"repetitions that may match the empty text", `(a|b*)*`, "a", false},
		{"at most one repetition that may match the empty text", `(a*)?`, "a", true},
		{"more repetitions than Go accepts", `a{2000}`, "a", false},
		{"a negated class with another class in brackets", `[\W\d]`, "a", false},
		{"a negated class in brackets", `[\W]`, "a", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			re, err := Compile(c.expr)
			if err != nil {
				t.Fatal(err)
			}
			if got := re.Linear(c.text); got != c.linear {
				t.Errorf("Linear is %v, want %v", got, c.linear)
			}
		})
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

// FuzzMatchers compares backtracking with Go's regexp if both can match.
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
		if err != nil || !re.Linear(text) {
			return
		}
		want := re.Match(text)
		n, names, err := parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		program, slots, err := compile(n, len(names), strings.HasSuffix(expr, "$"))
		if err != nil {
			return
		}
		var got []int
		if m := (machine{program: program, text: text, slots: make([]int, slots)}); m.match(re.from) {
			got = m.slots[:2*len(names)]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q on %q: backtracking finds %v, Go's regexp %v", expr, text, got, want)
		}
	})
}
