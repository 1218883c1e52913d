package files

import "strings"

// essenceOf returns type and subtype of a Content-Type, in lower case, and
// false unless its lines are one plain media type. The syntax is that of RFC
// 9110, 8.3.1, which is stricter than the MIME Sniffing standard: what one
// reader takes for a parameter and another for a second type is refused, and
// so is any comma, at which browsers split.
func essenceOf(lines []string) (essence string, ok bool) {
	if len(lines) != 1 || strings.IndexByte(lines[0], ',') >= 0 {
		return "", false
	}
	head, parameters, more := strings.Cut(lines[0], ";")
	head = strings.Trim(head, " \t")
	major, minor, ok := strings.Cut(head, "/")
	if !ok || !isToken(major) || !isToken(minor) {
		return "", false
	}
	for more {
		if parameters, more, ok = skipParameter(parameters); !ok {
			return "", false
		}
	}
	switch essence = strings.ToLower(head); {
	case strings.IndexByte(essence, '*') >= 0, essence == "unknown/unknown", essence == "application/unknown":
		return "", false // browsers guess the type of these
	}
	return essence, true
}

// skipParameter reads one parameter, which may be empty, up to the semicolon of
// the next; more reports whether there is one.
func skipParameter(s string) (rest string, more, ok bool) {
	s = strings.TrimLeft(s, " \t")
	if s == "" || s[0] == ';' {
		return strings.TrimPrefix(s, ";"), s != "", true
	}
	name, value, found := strings.Cut(s, "=")
	if !found || !isToken(name) {
		return "", false, false
	}
	end := strings.IndexAny(value, "; \t")
	if strings.HasPrefix(value, `"`) {
		if end = quotedLength(value); end < 0 {
			return "", false, false
		}
	} else {
		if end < 0 {
			end = len(value)
		}
		if !isToken(value[:end]) {
			return "", false, false
		}
	}
	s = strings.TrimLeft(value[end:], " \t")
	if s == "" {
		return "", false, true
	}
	return s[1:], true, s[0] == ';'
}

// quotedLength is the length of the quoted string that s begins with, -1 if it
// has no end or holds a control character.
func quotedLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c < ' ' && c != '\t', c == 0x7f:
			return -1
		case c == '\\':
			if i++; i == len(s) || s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
				return -1
			}
		}
	}
	return -1
}

// isToken reports whether s is a token of RFC 9110, 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// dangerOf classifies a media type by its essence.
func dangerOf(essence string) danger {
	major, minor, _ := strings.Cut(essence, "/")
	switch {
	case strings.Contains(minor, "javascript"), strings.Contains(minor, "ecmascript"), strings.Contains(minor, "jscript"),
		strings.Contains(minor, "livescript"), strings.Contains(minor, "vbscript"):
		return script
	case strings.Contains(minor, "html"), minor == "xml", strings.HasSuffix(minor, "+xml"), strings.HasPrefix(minor, "xml-"),
		minor == "xsl", minor == "xslt", minor == "hta", minor == "mhtml",
		major == "multipart", major == "message", minor == "x-component", minor == "cache-manifest", minor == "signed-exchange",
		minor == "webbundle", minor == "x-shockwave-flash", minor == "x-mimearchive", essence == "image/svg+xml-compressed":
		return document
	}
	return harmless
}

// asAttachment returns the Content-Disposition by which a browser saves a file
// under the name that the given lines give it.
func asAttachment(given []string) string {
	if len(given) != 1 {
		return "attachment"
	}
	kind, parameters, more := strings.Cut(given[0], ";")
	if !more || !isToken(strings.Trim(kind, " \t")) {
		return "attachment"
	}
	for rest := parameters; more; {
		var ok bool
		if rest, more, ok = skipParameter(rest); !ok {
			return "attachment"
		}
	}
	return "attachment;" + parameters
}
