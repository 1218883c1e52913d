package websocket_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// room is a handler of chat rooms. Each tenant has its own rooms, since groups belong
// to a tenant. An idle websocket costs no goroutine.
type room struct{}

// Connect accepts a handshake with a session cookie.
func (room) Connect(r *websocket.Request) (websocket.Consumer, error) {
	if _, err := r.Cookie("session"); err != nil {
		return nil, &websocket.Rejection{Status: http.StatusForbidden, Reason: "the user is not logged in"}
	}
	return member{"room-" + r.Value("room")}, nil
}

// member handles the events of one websocket.
type member struct{ group string }

// Open adds the websocket to the group of the room.
func (m member) Open(s *websocket.Conn) {
	if err := s.Groups().Add(context.Background(), m.group); err != nil {
		s.Close(1011, "")
	}
}

// Message sends the text to all members.
func (m member) Message(s *websocket.Conn, _ websocket.Kind, text []byte) {
	s.Groups().SendText(context.Background(), m.group, string(text))
}

// Closed does nothing: a closed websocket is in no group.
func (m member) Closed(*websocket.Conn, int, string) {}

func ExampleHandler() {
	path := "room/<slug:room>/"
	host, err := edge.New(context.Background(), edge.Config{
		GuestConfig: abi.Config{
			Default:    &abi.DefaultTenant{WSURLConf: "ws"},
			WSURLConfs: map[string][]abi.WSRoute{"ws": {{Path: &path, Name: "room"}}},
		},
		Directory: tenantdb.NewDirectory(tenantdb.Options{}),

		Websockets: websocket.Config{
			Targets:  map[string]map[string]websocket.Target{"ws": {"room": {Handler: "room"}}},
			Handlers: map[string]websocket.Handler{"room": room{}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	// http.ListenAndServe(":8080", host.Middleware(handler)), and at the end
	// host.Shutdown(ctx).
}

func ExampleBlocking() {
	echo := websocket.Blocking{Serve: func(ctx context.Context, s *websocket.Stream) error {
		for {
			kind, payload, err := s.Read(ctx)
			if err != nil {
				return nil // the client has closed
			}
			if err := s.Write(ctx, kind, payload); err != nil {
				return nil
			}
		}
	}}
	_ = websocket.Config{Handlers: map[string]websocket.Handler{"echo": echo}}
}
