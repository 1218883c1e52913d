package tenantdb

import (
	"hash/maphash"
	"unicode"
	"unicode/utf8"
)

// Hashes use a random seed, so that an attacker cannot choose names that share a
// bucket.

func (d *Directory) hash(s string) uint64 { return maphash.String(d.seed, s) }

func (d *Directory) hashDomain(domain, folder string) uint64 {
	h := d.hash(domain)
	if folder != "" {
		h = d.hashFolder(h, folder)
	}
	return h
}

// hashFolder combines the hash of a domain with a folder.
func (d *Directory) hashFolder(domain uint64, folder string) uint64 {
	// With a plain xor (a, b) and (b, a) would have the same hash.
	return (domain^domain>>29)*0x9e3779b97f4a7c15 ^ d.hash(folder)
}

// hashFold returns the same hash for all strings that are foldEqual. ok is false
// if s is too long for an id.
func (d *Directory) hashFold(s string) (hash uint64, ok bool) {
	var short [64]byte
	if len(s) > len(short) {
		return d.hashFoldLong(s)
	}
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			return d.hashFoldLong(s)
		}
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		short[i] = c
	}
	return maphash.Bytes(d.seed, short[:len(s)]), true
}

func (d *Directory) hashFoldLong(s string) (uint64, bool) {
	// Upper case takes at most three bytes for two.
	var long [2 * MaxID]byte
	n := 0
	if len(s) > len(long) {
		return 0, false
	}
	for _, r := range s {
		r = fold(r)
		if n+utf8.RuneLen(r) > len(long) {
			return 0, false
		}
		n += utf8.EncodeRune(long[n:], r)
	}
	return maphash.Bytes(d.seed, long[:n]), true
}

// fold converts a character as upper() of Postgres does in a UTF-8 database:
// Django uses it to compare ignoring case.
func fold(r rune) rune { return unicode.ToUpper(r) }

// foldEqual reports whether a and b are equal ignoring case.
func foldEqual(a, b string) bool {
	for a != "" && b != "" {
		ra, na := utf8.DecodeRuneInString(a)
		rb, nb := utf8.DecodeRuneInString(b)
		if ra != rb && fold(ra) != fold(rb) {
			return false
		}
		a, b = a[na:], b[nb:]
	}
	return a == b
}

// lowerKey reports whether primary key a sorts before b: integers by value, other
// keys as text.
func lowerKey(a, b string) bool {
	na, nega, inta := integer(a)
	nb, negb, intb := integer(b)
	switch {
	case !inta || !intb:
		return a < b
	case nega != negb:
		return nega
	case nega:
		na, nb = nb, na
	}
	if len(na) != len(nb) {
		return len(na) < len(nb)
	}
	return na < nb
}

// integer splits an integer into its digits, without leading zeros, and its
// sign.
func integer(s string) (digits string, negative, ok bool) {
	if s != "" && s[0] == '-' {
		s, negative = s[1:], true
	}
	if s == "" {
		return "", false, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return "", false, false
		}
	}
	for len(s) > 1 && s[0] == '0' {
		s = s[1:]
	}
	return s, negative, true
}
