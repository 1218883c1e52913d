package disk

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// TestF2AGuestCannotMoveATenant: the guest's answer is checked.
func TestF2AGuestCannotMoveATenant(t *testing.T) {
	location := t.TempDir()
	for _, p := range []tenancy.Pathname{
		{},
		{Identifier: "..", BaseLocation: filepath.Dir(location)},
		{Identifier: "t2/x", BaseLocation: location + "/t2/x/"},
		{Identifier: "t1", BaseLocation: location + "/t2/"},
		{Identifier: "t1", BaseLocation: location},
		{Identifier: "t1", BaseLocation: "t1/"},
	} {
		s := newStorage(t, Config{Location: location, Locator: locator(p)})
		if _, err := s.For(t.Context(), storage.Tenant{Schema: "t1"}); !errors.Is(err, storage.ErrIdentifier) {
			t.Errorf("%+v: %v, expected ErrIdentifier", p, err)
		}
	}
	s := newStorage(t, Config{Location: location, Locator: locator{Identifier: "t1", BaseLocation: location + "/t1/", Path: location + "/t2/x", HasPath: true}})
	v, err := s.For(t.Context(), storage.Tenant{Schema: "t1"})
	must(t, err)
	defer v.Close()
	if path, err := v.Path(t.Context(), "x"); !errors.Is(err, storage.ErrSuspicious) {
		t.Errorf("%q, %v, expected ErrSuspicious", path, err)
	}
}

type locator tenancy.Pathname

func (l locator) Locate(context.Context, *tenancy.PathQuery) (tenancy.Pathname, error) {
	return tenancy.Pathname(l), nil
}

func TestF2ATenantsFolderThatIsALinkIsRefused(t *testing.T) {
	s := newStorage(t, Config{})
	must(t, os.Mkdir(filepath.Join(s.location, "t11"), 0o777))
	must(t, os.Symlink("t11", filepath.Join(s.location, "t1")))
	v, err := s.For(t.Context(), storage.Tenant{Schema: "t1"})
	must(t, err)
	defer v.Close()
	if name, err := v.Save(t.Context(), "x", strings.NewReader(""), 0); err == nil {
		t.Errorf("saved %s among another's files", name)
	}
}

// Django follows a link, so its Exists finds what is in the other folder.
func TestF2NoNameIsFreeInATenantsFolderThatIsALinkOrAFile(t *testing.T) {
	s := newStorage(t, Config{})
	must(t, os.Mkdir(filepath.Join(s.location, "t11"), 0o777))
	must(t, os.Symlink("t11", filepath.Join(s.location, "t1")))
	must(t, os.WriteFile(filepath.Join(s.location, "t2"), nil, 0o666))
	for _, schema := range []string{"t1", "t2"} {
		v, err := s.For(t.Context(), storage.Tenant{Schema: schema})
		must(t, err)
		defer v.Close()
		for _, name := range []string{"", "x", "d/x"} {
			if exists, err := django(v).Exists(name); exists || !errors.Is(err, syscall.ENOTDIR) {
				t.Errorf("%s: %q exists: %v, %v, expected ENOTDIR", schema, name, exists, err)
			}
		}
		if name, err := django(v).AvailableName("x", 0); err == nil {
			t.Errorf("%s: the name %q is available", schema, name)
		}
	}
	v, err := s.For(t.Context(), storage.Tenant{Schema: "t11"})
	must(t, err)
	defer v.Close()
	must(t, os.WriteFile(filepath.Join(s.location, "t11", "file"), nil, 0o666))
	for _, name := range []string{"x", "file/x"} {
		if exists, err := django(v).Exists(name); exists || err != nil {
			t.Errorf("%q exists: %v, %v", name, exists, err)
		}
	}
}

func TestF3WithoutATenantThereIsNoFile(t *testing.T) {
	s := newStorage(t, Config{})
	must(t, os.WriteFile(filepath.Join(s.location, "x"), nil, 0o666))
	for _, none := range []storage.Tenant{{}, {Folder: "acme"}, {Pathname: "acme", HasPathname: true}} {
		if v, err := s.For(t.Context(), none); v != nil || !errors.Is(err, storage.ErrNoTenant) {
			t.Errorf("%+v: %v, %v, expected ErrNoTenant", none, v, err)
		}
	}
	var v View
	for _, name := range []string{"", ".", "x", "/x", "../x"} {
		_, exists := django(&v).Exists(name)
		_, open := v.OpenFile(name, os.O_RDONLY)
		_, _, list := django(&v).ListDir(name)
		_, save := v.Save(t.Context(), name, strings.NewReader(""), 0)
		_, path := v.Path(t.Context(), name)
		_, url := v.URL(t.Context(), name)
		for i, err := range []error{exists, open, list, save, path, url} {
			if err == nil {
				t.Errorf("%q: operation %d of the zero View succeeded", name, i)
			}
		}
	}
	if _, err := v.Open("."); !errors.Is(err, storage.ErrNoTenant) {
		t.Errorf("%v, expected ErrNoTenant", err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}
