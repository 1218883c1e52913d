package channel

import (
	"math/rand/v2"
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

func TestATokenOfAClosedChannelIsNeverReused(t *testing.T) {
	var r registry
	old := map[wire.Token]bool{}
	var open []*Channel
	for round := range 50 {
		for range round % 7 {
			ch := &Channel{}
			r.add(ch)
			open = append(open, ch)
			if r.find(ch.token) != ch {
				t.Fatal("a channel is not found by its token")
			}
			if old[ch.token] {
				t.Fatal("a token was reused")
			}
		}
		for range round % 5 {
			if len(open) == 0 {
				break
			}
			ch := open[0]
			open = open[1:]
			r.remove(ch)
			old[ch.token] = true
		}
		if r.open != len(open) || len(r.all()) != len(open) {
			t.Fatalf("%d channels are open, and %d listed, expected %d", r.open, len(r.all()), len(open))
		}
	}
	for token := range old {
		if ch := r.find(token); ch != nil {
			t.Errorf("the token of a closed channel finds %p", ch)
		}
	}
	if r.find(wire.Token{0xff, 0xff, 0xff, 0xff}) != nil {
		t.Error("a token with an index beyond all slots finds a channel")
	}
}

func TestMembershipsAreRemovedInAnyOrder(t *testing.T) {
	groups := []*group{{}, {}, {}, {}}
	for removed := range groups {
		var m memberships
		for i, g := range groups {
			m.add(membership{g, i})
		}
		m.remove(m.in(groups[removed]))
		for i, g := range groups {
			if at := m.in(g); (at < 0) != (i == removed) || at >= 0 && m.at(at).index != i {
				t.Errorf("without group %d, group %d is at %d", removed, i, at)
			}
		}
		for m.len() > 0 {
			m.remove(0)
		}
		if m.more != nil || m.first.group != nil {
			t.Errorf("empty memberships are %+v", m)
		}
	}
}

// Long lists of memberships have an index, short ones do not.
func TestMembershipsAreFoundHoweverManyThereAre(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	groups := make([]*group, 4*indexedFrom)
	for i := range groups {
		groups[i] = &group{}
	}
	var m memberships
	indices := map[*group]int{}
	for step := range 20_000 {
		g := groups[random.IntN(1+step%len(groups))]
		if i := m.in(g); i >= 0 {
			m.remove(i)
			delete(indices, g)
		} else {
			m.add(membership{g, step})
			indices[g] = step
		}
		if m.len() != len(indices) {
			t.Fatalf("step %d: %d memberships, expected %d", step, m.len(), len(indices))
		}
		for _, g := range groups {
			i := m.in(g)
			index, member := indices[g]
			if member != (i >= 0) || member && (m.at(i).group != g || m.at(i).index != index) {
				t.Fatalf("step %d: a membership is at %d; expected a member: %v", step, i, member)
			}
		}
	}
}

func TestDerivedIsComputedOnce(t *testing.T) {
	m, err := NewMessage("x")
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for range 3 {
		if got := m.Derived(func(m *Message) any { made++; return m.Type() }); got != "x" {
			t.Errorf("derived %v", got)
		}
	}
	if made != 1 {
		t.Errorf("it was computed %d times", made)
	}
}
