package files

import "strings"

// essenceOf returns type and subtype of a Content-Type in lower case, and false
// unless its lines are one plain media type. The syntax is that of RFC 9110,
// section 8.3.1, which is stricter than the MIME Sniffing standard. It rejects text
// that some parsers take for a parameter and others for a second type, and every
// comma, at which browsers split.
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

// skipParameter parses one parameter, which may be empty, and the semicolon after
// it. more reports whether there is a semicolon.
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

// quotedLength returns the length of the quoted string that s begins with; -1 if it
// is unterminated or has a control character.
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

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// dangerOf returns the danger of a media type.
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

// asAttachment returns a Content-Disposition with which a browser saves the file,
// under the name in the given lines.
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
