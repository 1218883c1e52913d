package object

import (
	"reflect"
	"testing"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// What counts a tenant's usage is the backend's: whoever has files could make
// their quota larger by it.
func TestFilesDoNotShowTheBookkeeping_C8(t *testing.T) {
	for _, v := range []any{&storage.View{}, &View{}} {
		of := reflect.TypeOf(v)
		for _, name := range []string{"Intake", "Replacement", "Removed", "Replaced", "Settle", "Ledger"} {
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
	for _, s := range []any{&storage.Storage{}, &Storage{}} {
		for i := range reflect.TypeOf(s).NumMethod() {
			m := reflect.TypeOf(s).Method(i)
			for j := range m.Type.NumOut() {
				if m.Type.Out(j) == reflect.TypeFor[*storage.Ledger]() {
					t.Errorf("%T.%s returns the ledger", s, m.Name)
				}
			}
		}
	}
}
