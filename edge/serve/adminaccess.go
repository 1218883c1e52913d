package serve

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/time/rate"

	"github.com/tenantedge/tenantedge/edge/config"
)

// adminToken is a token of the admin listener. Its digest is kept, so that
// comparing it does not reveal the token's length either.
type adminToken struct {
	name, role string
	digest     [sha256.Size]byte
}

func newAdminToken(name, role, secret string) adminToken {
	return adminToken{name, role, sha256.Sum256([]byte(secret))}
}

// minAdminToken is the size of the shortest token of an admin listener that other
// machines can reach, in bytes.
const minAdminToken = 16

// adminTokens reads the tokens of a file.
func adminTokens(f *config.File) ([]adminToken, error) {
	var tokens []adminToken
	for _, t := range f.AdminTokens {
		secret, err := t.Secret()
		if err != nil {
			return nil, errorf("admin_tokens: %s: %w", t.Name, err)
		}
		if len(secret) < minAdminToken && exposed(f.Admin) {
			return nil, errorf("admin_tokens: %s: expected at least %d bytes, because other machines can reach the admin listener, found %d; make a new one with `openssl rand -hex 32`", t.Name, minAdminToken, len(secret))
		}
		added := newAdminToken(t.Name, t.Role, secret)
		for _, other := range tokens {
			if other.digest == added.digest {
				return nil, errorf("admin_tokens: expected different secrets, found that of %s again for %s; change one of them", other.name, t.Name)
			}
		}
		tokens = append(tokens, added)
	}
	return tokens, nil
}

// bearer returns the token of the Authorization header (RFC 6750, 2.1): the scheme
// in any case, one or more spaces, the token (RFC 9110, 11.4). It returns "" if
// there is no token or more than one such header.
func bearer(fields []string) string {
	if len(fields) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(fields[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimLeft(token, " ")
}

// tokenOf returns the token that a request has, or nil.
func tokenOf(r *http.Request, tokens []adminToken) *adminToken {
	return matchToken(bearer(r.Header.Values("Authorization")), tokens)
}

// matchToken returns the token with a secret, or nil. It compares all tokens, in
// constant time.
func matchToken(secret string, tokens []adminToken) *adminToken {
	found := sha256.Sum256([]byte(secret))
	match := -1
	for i := range tokens {
		match = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(tokens[i].digest[:], found[:]), i, match)
	}
	if match < 0 {
		return nil
	}
	return &tokens[match]
}

type callerKey struct{}

// callerOf returns the name of the token of an authorized request.
func callerOf(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}

// authorized requires a token of g with a role: config.RoleOperate or config.RoleRead,
// which both roles fulfil.
func (s *Server) authorized(g *generation, role string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		peer := peerOf(r)
		if s.guesses.blocked(peer) {
			w.Header().Set("Retry-After", "1")
			s.deny(w, r, http.StatusTooManyRequests, auditLimited, "too many requests without a valid token; try again later")
			return
		}
		token := tokenOf(r, g.options.AdminTokens)
		if token == nil {
			s.guesses.failed(peer)
			w.Header().Set("WWW-Authenticate", `Bearer realm="tenantedge"`)
			found := "one that the configuration does not have"
			if r.Header.Get("Authorization") == "" {
				found = "none"
			}
			s.deny(w, r, http.StatusUnauthorized, auditUnauthorized, "expected an admin token as a bearer token, found "+found)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, token.name))
		if role == config.RoleOperate && token.role != config.RoleOperate {
			s.deny(w, r, http.StatusForbidden, auditForbidden, "expected a token with the role operate, found one with the role "+token.role)
			return
		}
		next(w, r)
	}
}

// deny answers a request that is not allowed, and records it.
func (s *Server) deny(w http.ResponseWriter, r *http.Request, status int, outcome, problem string) {
	s.noteDenied(r, outcome)
	closeUnread(w, r)
	writeJSON(w, status, apiError{problem})
}

// noteDenied counts and records a request that is not allowed.
func (s *Server) noteDenied(r *http.Request, outcome string) {
	s.denied.WithLabelValues(outcome).Inc()
	record := requestRecord(r)
	record.Outcome = outcome
	s.audit.refuse(record)
}

// requireToken requires a token for all requests but those of /healthz and /readyz, and
// for the console, where one signs in, if other machines can reach the listener. The
// connection of a request may be to the address that an earlier configuration had.
func (s *Server) requireToken(g *generation, next http.Handler) http.Handler {
	allowed := s.authorized(g, config.RoleRead, next.ServeHTTP)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		here, p := !exposed(g.options.Admin) && (own == nil || !exposed(own.String())), r.URL.Path
		console := s.ring != nil && len(g.options.AdminTokens) > 0 // without any, it trusts whoever reaches it
		if here || p == "/healthz" || p == "/readyz" || console && (p == "/" || strings.HasPrefix(p, "/console/")) {
			next.ServeHTTP(w, r)
			return
		}
		allowed(w, r)
	})
}

// exposed reports whether other machines can reach an address.
func exposed(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "localhost" {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err != nil || !ip.IsLoopback()
}

// guesses limits how often a peer may fail to show a valid token. After
// guessBurst failures it may fail once a second; until then its tokens are not
// compared. Peers on this machine are not limited, so that they cannot lock its
// operator out.
type guesses struct {
	mu    sync.Mutex
	peers map[netip.Prefix]*rate.Limiter
}

const (
	guessBurst = 10
	maxGuesses = 4096 // peers that are remembered
)

// blocked reports whether a peer has failed too often.
func (g *guesses) blocked(peer netip.Prefix) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	l, ok := g.peers[peer]
	return ok && l.Tokens() < 1
}

// failed records that a peer has shown no valid token.
func (g *guesses) failed(peer netip.Prefix) {
	if !peer.IsValid() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.peers == nil || len(g.peers) >= maxGuesses {
		g.peers = map[netip.Prefix]*rate.Limiter{} // an attacker with that many addresses is not limited by address
	}
	if g.peers[peer] == nil {
		g.peers[peer] = rate.NewLimiter(1, guessBurst)
	}
	g.peers[peer].Allow()
}

// peerOf returns the address of the client, of IPv6 the network that one client
// usually has. It is zero for clients on this machine.
func peerOf(r *http.Request) netip.Prefix {
	address, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || address.Addr().Unmap().IsLoopback() {
		return netip.Prefix{}
	}
	ip, bits := address.Addr().Unmap().WithZone(""), 64
	if ip.Is4() {
		bits = 32
	}
	prefix, _ := ip.Prefix(bits) // the number of bits is valid
	return prefix
}
