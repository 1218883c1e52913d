package serve

import (
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/tenantedge/tenantedge/edge/config"
)

// inherited are the listening sockets that the process got from systemd. They stay
// open, since connections wait in them while no Server accepts any.
type inherited struct {
	files []*os.File
	used  []*os.File
}

// listen opens the listener for the address that the key has. A socket of systemd
// precedes a new one.
func (i *inherited) listen(address, key string) (net.Listener, error) {
	name, named := config.SocketName(address)
	for _, f := range i.files {
		if named && f.Name() != name {
			continue
		}
		l, err := net.FileListener(f)
		if err != nil {
			return nil, errorf("%s: the socket %q of systemd: expected a listening socket: %w", key, f.Name(), err)
		}
		tcp, ok := l.(*net.TCPListener)
		if ok && (named || isAddress(tcp.Addr().(*net.TCPAddr).AddrPort(), address)) {
			i.used = append(i.used, f)
			return tcp, nil
		}
		_ = l.Close() // a copy of the socket, which stays open
		if named {
			return nil, errorf("%s: the socket %q of systemd: expected a TCP socket, found %s; give its unit a ListenStream such as 127.0.0.1:8080", key, name, l.Addr().Network())
		}
	}
	if named {
		return nil, errorf("%s: expected a socket with the name %q from systemd, found %s; set FileDescriptorName=%s in the socket unit, or write an address such as \":8080\"", key, name, i.names(), name)
	}
	return listen(address, key)
}

// isAddress reports whether the configured address means the socket at.
func isAddress(at netip.AddrPort, address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "0" {
		return false
	}
	if host == "" {
		host = "::"
	}
	found := at.Addr().Unmap()
	if host == "localhost" {
		return found.IsLoopback() && isPort(at, port)
	}
	wanted, err := netip.ParseAddr(host)
	return err == nil && isPort(at, port) && (wanted.Unmap() == found || host == "::" && found.IsUnspecified())
}

func isPort(at netip.AddrPort, port string) bool {
	return at.String()[strings.LastIndexByte(at.String(), ':')+1:] == port
}

func (i *inherited) names() string {
	if len(i.files) == 0 {
		return "no sockets of systemd"
	}
	names := make([]string, len(i.files))
	for n, f := range i.files {
		names[n] = f.Name()
	}
	return strings.Join(names, ", ")
}

// warnUnused logs the sockets on which no listener serves: their clients would wait
// for ever.
func (i *inherited) warnUnused(log *slog.Logger) {
	for _, f := range i.files {
		used := false
		for _, u := range i.used {
			used = used || u == f
		}
		if !used {
			log.Warn("no listener uses a socket of systemd; its clients get no answer: add a listener with its address or name, or remove the ListenStream", "socket", f.Name())
		}
	}
}
