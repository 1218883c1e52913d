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

// CheckSchema says why name is not the name of a tenant's schema: it must
// match ^[_a-zA-Z][_a-zA-Z0-9]{0,62}$, and neither start with pg_ in any case,
// nor be public.
func CheckSchema(name string) error {
	switch {
	case name == "":
		return errors.New("the schema name is empty")
	case len(name) > MaxSchema:
		return fmt.Errorf("the schema name has %d bytes, %d are allowed", len(name), MaxSchema)
	case len(name) >= 3 && strings.EqualFold(name[:3], "pg_"):
		return errors.New("schema names that start with pg_ belong to Postgres")
	case name == "public":
		return errors.New("the schema public is never a tenant's")
	}
	for i := range len(name) {
		c := name[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return errors.New("a schema name is letters, digits and underscores, and does not start with a digit")
		}
	}
	return nil
}

// CheckDomain says why domain may not be written to the domain table: it must
// be a lower-case ASCII host name of at most MaxDomain characters, without
// port. Reading is more lenient, because Django stores what it is given.
func CheckDomain(domain string) error {
	switch {
	case domain == "":
		return errors.New("the domain is empty")
	case len(domain) > MaxDomain:
		return fmt.Errorf("the domain has %d characters, %d are allowed", len(domain), MaxDomain)
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return errors.New("each label of a domain has 1 to 63 characters, and no hyphen at its ends")
		}
		for i := range len(label) {
			c := label[i]
			if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
				return errors.New("a domain is lower-case letters, digits, hyphens and dots, without port; write others in their xn-- form")
			}
		}
	}
	return nil
}

// CheckFolder says why folder may not be written to the domain table: it must
// be a slug (letters, digits, hyphens, underscores) of at most MaxDomain
// characters, or empty.
func CheckFolder(folder string) error {
	if len(folder) > MaxDomain {
		return fmt.Errorf("the folder has %d characters, %d are allowed", len(folder), MaxDomain)
	}
	for i := range len(folder) {
		c := folder[i]
		if c != '-' && c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return errors.New("a folder is letters, digits, hyphens and underscores")
		}
	}
	return nil
}

// tenantProblem says why a tenant row cannot be routed to; empty if it can.
func (d *Directory) tenantProblem(t Tenant) string {
	switch {
	case t.ID == "":
		return "the id is empty"
	case len(t.ID) > MaxID:
		return fmt.Sprintf("the id has %d bytes, %d are allowed", len(t.ID), MaxID)
	case !utf8.ValidString(t.ID):
		return "the id is not valid UTF-8"
	case d.opts.CloneReference != "" && t.Schema == d.opts.CloneReference:
		return "the schema is the clone reference, which is never routed to"
	}
	if err := CheckSchema(t.Schema); err != nil {
		return err.Error()
	}
	if d.opts.Refuse != nil {
		return d.opts.Refuse(t)
	}
	return ""
}

// domainProblem says why a domain row cannot be kept, whoever its tenant is.
func domainProblem(row Domain) string {
	if n := utf8.RuneCountInString(row.Domain); n > MaxDomain {
		return fmt.Sprintf("the domain has %d characters, %d are allowed", n, MaxDomain)
	}
	if n := utf8.RuneCountInString(row.Folder); n > MaxDomain {
		return fmt.Sprintf("the folder has %d characters, %d are allowed", n, MaxDomain)
	}
	return ""
}

const (
	reasonDangling      = "no tenant has this id"
	reasonSameID        = "another tenant has this id already"
	reasonSameSchema    = "another tenant has this schema already"
	reasonDuplicate     = "another row has this domain and folder already"
	reasonSameAfterNorm = "another row has this domain and folder already, once the domain is normalised"
)

func duplicateReason(stored, normalised string) string {
	if stored != normalised {
		return reasonSameAfterNorm
	}
	return reasonDuplicate
}
