package object

import (
	"reflect"
	"testing"

	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
)

// Only the backend has the ledger: with it, a user of files could raise their
// quota.
func TestFilesDoNotShowTheBookkeeping_C8(t *testing.T) {
	for _, v := range []any{&disk.View{}, &View{}} {
		of := reflect.TypeOf(v)
		for _, name := range []string{"Intake", "Replacement", "Removed", "Replaced", "Settle", "Ledger", "Account"} {
			if _, ok := of.MethodByName(name); ok {
				t.Errorf("%v has the method %s", of, name)
			}
		}
		for _, f := range reflect.VisibleFields(of.Elem()) {
			if f.IsExported() {
				t.Errorf("%v has the field %s", of, f.Name)
			}
		}
		if _, ok := of.MethodByName("Identifier"); !ok {
			t.Errorf("%v does not name the tenant's files", of)
		}
	}
	for _, s := range []any{&disk.Storage{}, &Storage{}} {
		for i := range reflect.TypeOf(s).NumMethod() {
			m := reflect.TypeOf(s).Method(i)
			for j := range m.Type.NumOut() {
				switch m.Type.Out(j) {
				case reflect.TypeFor[*backend.Ledger](), reflect.TypeFor[*backend.Account](), reflect.TypeFor[*backend.Intake]():
					t.Errorf("%T.%s returns %v", s, m.Name, m.Type.Out(j))
				}
			}
		}
	}
}
