// Command echo is a guest that routes like the default one and sends every message
// of a websocket back.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o echo.wasm ./guest/examples/echo
package main

import "github.com/tenantedge/tenantedge/guest"

func init() { guest.Serve(guest.Handlers{Consumer: guest.Consume(echo{})}) }

func main() {}

type echo struct{ guest.NopConsumer }

func (echo) Message(s *guest.Socket, m guest.Message) { s.Send(m) }
