//go:build !wasip1

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// kinds formats the effects on a socket in one line.
func kinds(s *guest.Socket) string {
	var all []string
	for _, e := range s.Effects() {
		all = append(all, fmt.Sprintf("%d %s", e.Kind, e.Name))
	}
	return strings.Join(all, ", ")
}

func TestOpenJoinsTheRoomOfThePath(t *testing.T) {
	s, h := &guest.Socket{}, &guest.Handshake{Kwargs: `{"room":"lobby"}`}
	chatroom{}.Open(s, h)
	want := fmt.Sprintf("%d room_lobby, %d , %d room_lobby", abi.GroupAdd, abi.SetTimer, abi.GroupSend)
	if kinds(s) != want || h.Status() != 0 || s.State != "room_lobby" {
		t.Errorf("effects %s, status %d, state %q, want %s, 0 and room_lobby", kinds(s), h.Status(), s.State, want)
	}
}

func TestOpenRejectsInvalidRoomNames(t *testing.T) {
	for _, kwargs := range []string{"", `{}`, `{"room":""}`, `{"room":"a b"}`, `{"room":"é"}`, `{"room":"a.b"}`, `{"room":"` + strings.Repeat("a", 31) + `"}`} {
		h := &guest.Handshake{Kwargs: kwargs}
		chatroom{}.Open(&guest.Socket{}, h)
		if h.Status() != 404 {
			t.Errorf("kwargs %s: status %d, want 404", kwargs, h.Status())
		}
	}
}

func TestAMessageIsSentToTheRoomAndToItsClients(t *testing.T) {
	s := &guest.Socket{State: "room_lobby"}
	chatroom{}.Message(s, guest.Message{Data: []byte("hello")})
	e := s.Effects()
	if len(e) != 2 || e[1].Kind != abi.GroupSend || e[1].Name != "room_lobby" || !strings.Contains(e[1].Data, "hello") {
		t.Errorf("effects %+v, want a timer and a message to room_lobby", e)
	}
	s = &guest.Socket{State: "room_lobby"}
	chatroom{}.Group(s, chatMessage("hello"))
	if e := s.Effects(); len(e) != 1 || e[0].Kind != abi.SendText || e[0].Data != "hello" {
		t.Errorf("effects %+v, want the text hello", e)
	}
}

func TestLongOrBinaryMessagesCloseTheSocket(t *testing.T) {
	for _, m := range []guest.Message{{Data: []byte("x"), Binary: true}, {Data: make([]byte, maxMessage+1)}} {
		s := &guest.Socket{State: "room_lobby"}
		chatroom{}.Message(s, m)
		if e := s.Effects(); len(e) != 1 || e[0].Kind != abi.CloseSocket {
			t.Errorf("effects %+v, want a close", e)
		}
	}
}
