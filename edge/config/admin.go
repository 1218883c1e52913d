package config

import "strings"

// Values of AdminToken.Role. RoleOperate allows what RoleRead allows.
const (
	RoleRead    = "read"    // show the guest
	RoleOperate = "operate" // swap the guest
)

// AdminToken is a token of the admin listener.
type AdminToken struct {
	Name       string `key:"name,required,nonempty"` // in the audit log
	Role       string `key:"role,required,one=read|operate"`
	SecretEnv  string `key:"secret_env,env"`
	SecretFile string `key:"secret_file,path"`
}

// Secret reads the token. Never log it.
func (t AdminToken) Secret() (string, error) { return readSecret(t.SecretEnv, t.SecretFile) }

func (t *AdminToken) decode(v value) {
	found := v.object(t)
	if len(t.Name) > 64 || strings.ContainsFunc(t.Name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		found["name"].fail("expected a name of at most 64 ASCII characters without spaces, found %q; choose another", shorten(t.Name))
	}
	v.exactlyOne(found, "secret_env", "secret_file")
}

// singleToken is the name of the token of admin_token_env or admin_token_file.
const singleToken = "admin"

// checkAdminTokens reports names that are used twice.
func (doc *document) checkAdminTokens(v value) {
	first := map[string]bool{singleToken: doc.AdminTokenEnv != "" || doc.AdminTokenFile != ""}
	for i, t := range doc.AdminTokens {
		if t.Name != "" && first[t.Name] {
			value{v.d, v.n.items[i], v.p.item(i)}.fail("expected each name once (%s is also that of admin_token_env and admin_token_file), found %q again; choose another", singleToken, t.Name)
		}
		first[t.Name] = true
	}
}

// finishAdmin sets the fields of the File that have another form in the document.
func (doc *document) finishAdmin(f *File) {
	f.Admin, f.AdminTLS = string(doc.Admin), doc.AdminTLS
	if doc.AdminTokenEnv != "" || doc.AdminTokenFile != "" {
		f.AdminTokens = append(f.AdminTokens, AdminToken{Name: singleToken, Role: RoleOperate, SecretEnv: doc.AdminTokenEnv, SecretFile: doc.AdminTokenFile})
	}
}

// adminTokenPath returns the key of the token with an index.
func (f *File) adminTokenPath(i int) *path {
	single := root(envOrFile(f.AdminTokens[i].SecretEnv, "admin_token"))
	if _, ok := f.marks[single.String()]; ok && f.AdminTokens[i].Name == singleToken {
		return single
	}
	return root("admin_tokens").item(i)
}
