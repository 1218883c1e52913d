// Command consumer is a guest for tests: a client's message is a script, whose
// lines it runs in order.
package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func init() {
	guest.Serve(guest.Handlers{
		Configure: func(*abi.Config) (abi.Configured, error) {
			return abi.Configured{ConsumerHeaders: []string{"cookie"}}, nil
		},
		Consumer: guest.Consume(guest.ByRoute{"script": script{}, "echo": echo{}, "storm": storm{}}),
	})
}

func main() {}

type echo struct{ guest.NopConsumer }

func (echo) Message(s *guest.Socket, m guest.Message) { s.Send(m) }

// storm answers each message of its group with two.
type storm struct{ guest.NopConsumer }

func (storm) Open(s *guest.Socket, _ *guest.Handshake) { s.GroupAdd("storm") }

func (storm) Message(s *guest.Socket, m guest.Message) {
	s.GroupSend("storm", guest.NewEvent("again"))
	s.Send(m)
}

func (storm) Group(s *guest.Socket, e *guest.Event) {
	s.GroupSend("storm", guest.NewEvent("again"))
	s.GroupSend("storm", guest.NewEvent("again"))
}

var kept int // what a guest must not be able to keep

type script struct{ guest.NopConsumer }

// Open runs the script in the path's value.
func (script) Open(s *guest.Socket, h *guest.Handshake) {
	if status, err := strconv.Atoi(h.Kwarg("reject")); err == nil {
		h.Reject(status)
	}
	if protocol := h.Kwarg("protocol"); protocol != "" {
		h.SetProtocol(protocol)
	}
	if h.Kwarg("describe") != "" {
		s.SendText(fmt.Sprintf("route=%s schema=%s id=%s identifier=%s path=%s protocols=%q cookie=%q",
			s.Route, s.Schema, s.TenantID, s.Identifier, h.Path, h.Protocols, h.Headers[len(h.Headers)-1].Value))
	}
	run(s, h.Kwarg("script"))
}

func (script) Message(s *guest.Socket, m guest.Message) {
	if m.Binary {
		s.SendBinary(append(m.Data, 0xff))
		return
	}
	run(s, m.Text())
}

func (script) Group(s *guest.Socket, e *guest.Event) {
	if more, ok := e.Text("script"); ok {
		run(s, more)
		return
	}
	text, _ := e.Text("text")
	s.SendText("group " + e.Type() + " " + text)
}

func (script) Timer(s *guest.Socket) {
	if lines, ok := strings.CutPrefix(s.State, "at the timer "); ok {
		run(s, lines)
		return
	}
	s.SendText("timer " + s.State)
}

func (script) Close(s *guest.Socket, code int, reason string) {
	if lines, ok := strings.CutPrefix(s.State, "at the end "); ok {
		run(s, lines)
	}
	s.SendText("this is not sent")
	s.SetTimer(1)
	s.GroupAdd("late")
	if group, ok := strings.CutPrefix(s.State, "at close notify "); ok {
		s.GroupSend(group, guest.NewEvent("left").WithText("text", fmt.Sprint(code, " ", reason)))
	}
}

// run asks for each line; {} in it stands for the state.
func run(s *guest.Socket, lines string) {
	for line := range strings.SplitSeq(lines, "\n") {
		command, arg, _ := strings.Cut(strings.ReplaceAll(line, "{}", s.State), " ")
		name, rest, _ := strings.Cut(arg, " ")
		switch command {
		case "":
		case "say":
			s.SendText(arg)
		case "state":
			s.SetState(arg)
		case "count":
			n, _ := strconv.Atoi(s.State)
			kept++
			s.SetState(strconv.Itoa(n + 1))
			s.SendText(fmt.Sprint(n+1, " ", kept))
		case "add":
			s.GroupAdd(arg)
		case "discard":
			s.GroupDiscard(arg)
		case "group":
			s.GroupSend(name, guest.NewEvent("chat.message").WithText("text", rest))
		case "script":
			s.GroupSend(name, guest.NewEvent("run").WithText("script", rest))
		case "broadcast":
			s.Broadcast(name, rest)
		case "kick":
			s.GroupSend(name, guest.NewEvent(abi.TypeClose).WithInt("code", 4001))
		case "channel":
			s.OpenChannel()
		case "whoami":
			s.SendText(s.Channel)
		case "send":
			s.ChannelSend(name, guest.NewEvent("direct").WithText("text", rest))
		case "timer":
			ms, _ := strconv.Atoi(arg)
			s.SetTimer(int64(ms))
		case "close":
			code, _ := strconv.Atoi(name)
			s.Close(code, rest)
		case "query":
			rows, err := guest.Query(arg, "q", "[]")
			s.SendText(fmt.Sprintf("%s %v", rows, err))
		case "trap":
			panic("a secret of the guest's")
		case "loop":
			for {
				kept++
			}
		case "bytes":
			n, _ := strconv.Atoi(arg)
			s.SetState(strings.Repeat("x", n))
		case "many":
			n, _ := strconv.Atoi(arg)
			for range n {
				s.SendText("x")
			}
		case "broken":
			s.SendText("\xff")
		}
	}
}
