package session_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/tenantedge/tenantedge/edge/session"
)

// A session of the backend signed_cookies, which Django has signed with the
// SECRET_KEY.
func ExampleNew() {
	r, err := session.New(session.Config{
		Keys:   []session.Key{session.NewKey("the project's SECRET_KEY")},
		MaxAge: 14 * 24 * time.Hour,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	req, _ := http.NewRequest("GET", "https://app.example.com/", nil) // the URL is valid
	req.AddCookie(&http.Cookie{Name: "sessionid", Value: "eyJ0ZW5hbnQiOiJhY21lIn0:1vPNWE:forged"})
	data, err := r.Session(req.Context(), req.Header)
	fmt.Println(data == nil, err, r.Stats().Forged)
	// Output:
	// true <nil> 1
}
