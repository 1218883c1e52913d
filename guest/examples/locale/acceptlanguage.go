package main

import "strings"

// maxRanges is the number of language ranges that are read: a client may send many.
const maxRanges = 32

// negotiate returns the locale that an Accept-Language prefers, as in RFC 9110,
// section 12.5.4: the first one of those with the highest weight. A range such as
// de-AT stands for the locale de-at, else de; and de for no other than de.
func negotiate(header string) string {
	best, most := config.fallback, 0
	n := 0
	for element := range strings.FieldsFuncSeq(header, func(c rune) bool { return c == ',' || c == '\n' }) {
		if n++; n > maxRanges {
			break
		}
		name, parameter, _ := strings.Cut(element, ";")
		weight, ok := parseWeight(strings.Trim(parameter, " \t"))
		if !ok || weight <= most {
			continue
		}
		if locale, ok := find(strings.Trim(name, " \t")); ok {
			best, most = locale, weight
		}
	}
	return best
}

// find returns the locale for a language range.
func find(name string) (string, bool) {
	if name == "*" {
		return config.fallback, true
	}
	for name != "" {
		for _, locale := range config.locales {
			if strings.EqualFold(locale, name) {
				return locale, true
			}
		}
		name = name[:max(strings.LastIndexByte(name, '-'), 0)]
	}
	return "", false
}

// parseWeight parses "q=0.8", of at most three decimals, to thousandths. An empty
// parameter is 1.
func parseWeight(parameter string) (thousandths int, ok bool) {
	if parameter == "" {
		return 1000, true
	}
	if len(parameter) < 3 || len(parameter) > len("q=0.000") || parameter[0]|0x20 != 'q' || parameter[1] != '=' {
		return 0, false
	}
	digit, decimals := parameter[2], parameter[3:]
	if digit != '0' && digit != '1' || decimals != "" && decimals[0] != '.' {
		return 0, false
	}
	weight, unit := int(digit-'0')*1000, 100
	for i := 1; i < len(decimals); i++ {
		if decimals[i] < '0' || decimals[i] > '9' {
			return 0, false
		}
		weight += int(decimals[i]-'0') * unit
		unit /= 10
	}
	return weight, weight <= 1000
}
