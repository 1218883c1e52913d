// Command probe is a guest that calls host functions, and panics, as the first segment
// of the path says. Its websockets request the effects that chatroom does not. It exists in every language with an SDK, with the same replies.
package main

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func init() {
	guest.Serve(guest.Handlers{
		Configure: func(*abi.Config) (abi.Configured, error) {
			return abi.Configured{Name: "probe", Headers: []string{"A", "B"}, AuthorizeHeaders: []string{"A"}, ConsumerHeaders: []string{"A"}, SetHeaders: []string{"X-Probe"}}, nil
		},
		Route:      route,
		ReverseKey: func(key string) (string, error) { return "", abi.Invalid },
		Pathname: func(q *guest.PathQuery) guest.Pathname {
			return guest.Pathname{Identifier: q.Schema, Path: q.Location + "/" + q.Name, HasPath: q.HasName}
		},
		Authorize: func(a *guest.Access) guest.Verdict {
			if header, _ := a.Header("A"); header == "x" {
				return guest.Deny
			}
			if a.HasName && a.Name == "a.txt" {
				return guest.Allow
			}
			return guest.Hide
		},
		SelfTest: func() error { return nil },
		Consumer: guest.Consume(socket{}),
	})
}

func main() {}

func route(r *guest.Request, d *guest.Decision) {
	command, argument, _ := strings.Cut(strings.TrimPrefix(r.Target, "/"), "/")
	var text string
	var err error
	switch command {
	case "panic":
		panic("boom")
	case "log":
		guest.LogAttrs(guest.LevelWarn, argument, "path", argument, "", "x")
	case "random":
		var b [3]byte
		err = guest.Random(b[:])
		text = string(b[:])
	case "now":
		if guest.Now() == 1767225600_000000000 {
			text = "2026"
		}
	case "query":
		var rows []byte
		rows, err = guest.Query("", argument, `["a"]`)
		text = string(rows)
	case "file":
		var b []byte
		if b, err = guest.ReadFile(argument); len(b) > 8 {
			err = abi.Limit
		}
		text = string(b)
	case "primary":
		var row guest.Record
		row, err = guest.PrimaryDomain(argument)
		text = row.Domain + "|" + row.Folder
	case "domain":
		var row guest.Record
		if row, err = guest.TenantByDomain(argument, "f"); err == nil {
			plan, _ := row.Attribute("plan")
			d.Serve(&row, 1, argument)
			d.Path = "/"
			d.Headers = append(d.Headers, "X-Probe", plan)
			return
		}
	case "headers":
		text = r.Headers[0].Value + "," + r.Headers[1].Value
		if r.Trusted {
			text += ",trusted"
		}
	}
	if err != nil {
		text = err.Error()
	}
	d.Refuse(abi.BadRequest, text)
}

type socket struct{ guest.NopConsumer }

func (socket) Open(s *guest.Socket, h *guest.Handshake) {
	header := ""
	if len(h.Headers) > 0 {
		header = h.Headers[0].Value
	}
	if len(h.Protocols) > 0 {
		h.SetProtocol(h.Protocols[0])
	}
	s.SetState(h.Path + "," + header)
}

func (socket) Message(s *guest.Socket, m guest.Message) {
	s.SendBinary(m.Data)
	s.GroupDiscard("group")
	s.ChannelSend("channel", guest.NewEvent("probe").WithText("text", m.Text()).WithInt("least", -32).WithInt("most", 127).WithInt("less", -33).WithInt("more", 128))
	s.OpenChannel()
}
