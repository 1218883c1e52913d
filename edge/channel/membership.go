package channel

// membership is a group, and the channel's place among its members.
type membership struct {
	group *group
	at    int
}

// memberships are the groups that a channel is in. Most are in one, which takes
// no memory of its own.
type memberships struct {
	first membership
	more  *[]membership // nil: there are none
}

func (m *memberships) len() int {
	switch {
	case m.first.group == nil:
		return 0
	case m.more == nil:
		return 1
	}
	return 1 + len(*m.more)
}

func (m *memberships) at(i int) *membership {
	if i == 0 {
		return &m.first
	}
	return &(*m.more)[i-1]
}

func (m *memberships) add(x membership) {
	switch {
	case m.first.group == nil:
		m.first = x
	case m.more == nil:
		m.more = &[]membership{x}
	default:
		*m.more = append(*m.more, x)
	}
}

// remove takes one out; the last one takes its place.
func (m *memberships) remove(i int) {
	last := m.len() - 1
	*m.at(i) = *m.at(last)
	*m.at(last) = membership{}
	switch {
	case last == 0:
	case last == 1:
		m.more = nil
	default:
		*m.more = (*m.more)[:last-1]
	}
}

// in returns the index of the membership in a group, or -1.
func (m *memberships) in(g *group) int {
	for i := range m.len() {
		if m.at(i).group == g {
			return i
		}
	}
	return -1
}
