package storage

import (
	"crypto/rand"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidName is Django's get_valid_name: it trims white space, replaces spaces by
// underscores, and removes everything but letters, numbers, dashes, underscores
// and dots. If nothing remains that can name a file, the error is ErrSuspicious.
func ValidName(name string) (string, error) {
	valid := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '_'
		case r == '-' || r == '_' || r == '.' || isAlphanumeric(r):
			return r
		}
		return -1
	}, strings.TrimFunc(name, isBlank))
	if valid == "" || valid == "." || valid == ".." {
		return "", suspicious(name, "cannot be made the name of a file")
	}
	return valid, nil
}

// isAlphanumeric is Python's str.isalnum.
func isAlphanumeric(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r))
}

// isBlank is Python's str.isspace: Unicode's White_Space and the four separators
// of ASCII.
func isBlank(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
}

// GenerateFilename is Django's generate_filename: it returns a clean path whose
// last segment is valid by ValidName. A name that climbs out of its folder is
// ErrSuspicious.
func GenerateFilename(name string) (string, error) {
	dir, file := split(strings.ReplaceAll(name, `\`, "/"))
	if climbs(dir) {
		return "", suspicious(name, "climbs out of its folder")
	}
	file, err := ValidName(file)
	if err != nil {
		return "", err
	}
	clean := path.Clean(join(dir, file))
	if strings.HasPrefix(dir, "//") && !strings.HasPrefix(dir, "///") {
		clean = "/" + clean // two leading slashes stay: POSIX leaves their meaning open
	}
	return clean, nil
}

// alternativeName is Django's get_alternative_name: it inserts an underscore and
// seven random letters or digits before the extension.
func alternativeName(stem, extension string) string {
	return stem + "_" + randomText(7) + extension
}

const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func randomText(length int) string {
	const fair = 256 - 256%len(alphabet) // greater bytes would make the first letters more likely
	text := make([]byte, 0, length)
	var random [16]byte
	for len(text) < length {
		_, _ = rand.Read(random[:]) // never fails
		for _, b := range random {
			if int(b) < fair && len(text) < length {
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(text)
}

// AvailableName is Django's get_available_name: it returns name if it is not
// taken, and otherwise an alternative with a random part. With a maxLength above
// 0 the stem is shortened so that the name has at most that many characters; if
// nothing of the stem would remain, the error is ErrSuspicious.
func AvailableName(name string, maxLength int, taken func(name string) (bool, error)) (string, error) {
	name = strings.ReplaceAll(name, `\`, "/")
	dir, file := split(name)
	if climbs(dir) {
		return "", suspicious(name, "climbs out of its folder")
	}
	if file == "" || file == "." || file == ".." {
		return "", suspicious(name, "does not name a file")
	}
	stem, extension := splitExtensions(file)
	for {
		excess := 0
		if maxLength > 0 {
			excess = utf8.RuneCountInString(name) - maxLength
		}
		if excess <= 0 {
			isTaken, err := taken(name)
			if err != nil || !isTaken {
				return name, err
			}
		}
		name = join(dir, alternativeName(stem, extension))
		if maxLength <= 0 {
			continue
		}
		if excess = utf8.RuneCountInString(name) - maxLength; excess > 0 {
			if stem = dropLast(stem, excess); stem == "" {
				return "", suspicious(name, "cannot be shortened to the maximum length")
			}
			name = join(dir, alternativeName(stem, extension))
		}
	}
}

// dropLast returns s without its last n characters.
func dropLast(s string, n int) string {
	for ; n > 0 && s != ""; n-- {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// splitExtensions splits off all extensions, like pathlib's suffixes: leading dots
// begin none, and a name that ends with a dot has none.
func splitExtensions(file string) (stem, extensions string) {
	if strings.HasSuffix(file, ".") {
		return file, ""
	}
	hidden := len(file) - len(strings.TrimLeft(file, "."))
	if dot := strings.IndexByte(file[hidden:], '.'); dot >= 0 {
		return file[:hidden+dot], file[hidden+dot:]
	}
	return file, ""
}

// climbs reports whether a segment of the path is "..".
func climbs(name string) bool {
	return strings.Contains(name, "..") && slices.Contains(strings.Split(name, "/"), "..")
}

// split is Python's os.path.split: slashes between the two parts belong to
// neither, except for those of the root.
func split(name string) (dir, file string) {
	i := strings.LastIndexByte(name, '/') + 1
	dir, file = name[:i], name[i:]
	if trimmed := strings.TrimRight(dir, "/"); trimmed != "" {
		dir = trimmed
	}
	return dir, file
}

// join is Python's os.path.join for a file that split returned.
func join(dir, file string) string {
	if dir == "" || strings.HasSuffix(dir, "/") {
		return dir + file
	}
	return dir + "/" + file
}
