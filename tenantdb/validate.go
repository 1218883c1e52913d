package tenantdb

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits on the text of a row.
const (
	MaxDomain = 253 // characters of a domain, and of a folder
	MaxSchema = 63  // bytes of a schema name
	MaxID     = 255 // bytes of a primary key as text
)

// CheckSchema returns an error unless name is valid for a tenant's schema: it
// matches ^[_a-zA-Z][_a-zA-Z0-9]{0,62}$, does not start with pg_ in any case, and
// is not public.
func CheckSchema(name string) error {
	switch {
	case name == "":
		return errors.New("expected a schema name, found the empty string")
	case len(name) > MaxSchema:
		return fmt.Errorf("expected a schema name of at most %d bytes, found %d bytes", MaxSchema, len(name))
	case len(name) >= 3 && strings.EqualFold(name[:3], "pg_"):
		return errors.New("schema names that start with pg_ are reserved by Postgres")
	case name == "public":
		return errors.New("the schema public belongs to no tenant")
	}
	for i := range len(name) {
		c := name[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return errors.New("a schema name consists of letters, digits and underscores, and does not start with a digit")
		}
	}
	return nil
}

// CheckDomain returns an error unless domain may be written to the domain table:
// a lower-case ASCII host name of at most MaxDomain characters, without port.
// Reading is more lenient, because Django does not validate domains.
func CheckDomain(domain string) error {
	switch {
	case domain == "":
		return errors.New("expected a domain, found the empty string")
	case len(domain) > MaxDomain:
		return fmt.Errorf("expected a domain of at most %d characters, found %d characters", MaxDomain, len(domain))
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return errors.New("a label of a domain has 1 to 63 characters, and does not start or end with a hyphen")
		}
		for i := range len(label) {
			c := label[i]
			if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
				return errors.New("a domain consists of lower-case letters, digits, hyphens and dots, without port; write other names in their xn-- form")
			}
		}
	}
	return nil
}

// CheckFolder returns an error unless folder may be written to the domain table:
// a slug (letters, digits, hyphens, underscores) of at most MaxDomain characters,
// or the empty string.
func CheckFolder(folder string) error {
	if len(folder) > MaxDomain {
		return fmt.Errorf("expected a folder of at most %d characters, found %d characters", MaxDomain, len(folder))
	}
	for i := range len(folder) {
		c := folder[i]
		if c != '-' && c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return errors.New("a folder consists of letters, digits, hyphens and underscores")
		}
	}
	return nil
}

// tenantProblem returns why a tenant's row must be left out, or the empty string.
func (d *Directory) tenantProblem(t Tenant) string {
	switch {
	case t.ID == "":
		return "expected an id, found the empty string"
	case len(t.ID) > MaxID:
		return fmt.Sprintf("expected an id of at most %d bytes, found %d bytes", MaxID, len(t.ID))
	case !utf8.ValidString(t.ID):
		return "the id is not valid UTF-8"
	case d.opts.CloneReference != "" && t.Schema == d.opts.CloneReference:
		return "the schema is the clone reference, which serves no requests"
	}
	if err := CheckSchema(t.Schema); err != nil {
		return err.Error()
	}
	if d.opts.RefuseTenant != nil {
		return d.opts.RefuseTenant(t)
	}
	return ""
}

// domainProblem returns why a domain row must be left out, or the empty string.
func domainProblem(row Domain) string {
	if n := utf8.RuneCountInString(row.Domain); n > MaxDomain {
		return fmt.Sprintf("expected a domain of at most %d characters, found %d characters", MaxDomain, n)
	}
	if n := utf8.RuneCountInString(row.Folder); n > MaxDomain {
		return fmt.Sprintf("expected a folder of at most %d characters, found %d characters", MaxDomain, n)
	}
	return ""
}

const (
	reasonDangling      = "no tenant has this id"
	reasonSameID        = "another tenant has the same id"
	reasonSameSchema    = "another tenant has the same schema"
	reasonDuplicate     = "another row has the same domain and folder"
	reasonSameAfterNorm = "another row has the same domain and folder after the domain is normalised"
)

func duplicateReason(stored, normalised string) string {
	if stored != normalised {
		return reasonSameAfterNorm
	}
	return reasonDuplicate
}
