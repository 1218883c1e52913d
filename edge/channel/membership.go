package channel

// membership is a group, and the channel's index among its members.
type membership struct {
	group *group
	index int
}

// memberships are the groups that a channel is in. Most channels are in one
// group, which takes no further allocation.
type memberships struct {
	first membership
	more  *further // nil: none
}

// further are all memberships except the first.
type further struct {
	list []membership
	// index maps a group to its index in list, once the list is long: the tenant's
	// lock is held during a search.
	index map[*group]int
}

// indexedFrom is the length of a list from which it is indexed.
const indexedFrom = 32

func (m *memberships) len() int {
	switch {
	case m.first.group == nil:
		return 0
	case m.more == nil:
		return 1
	}
	return 1 + len(m.more.list)
}

func (m *memberships) at(i int) *membership {
	if i == 0 {
		return &m.first
	}
	return &m.more.list[i-1]
}

func (m *memberships) add(x membership) {
	if m.first.group == nil {
		m.first = x
		return
	}
	if m.more == nil {
		m.more = &further{}
	}
	f := m.more
	f.list = append(f.list, x)
	switch n := len(f.list); {
	case f.index != nil:
		f.index[x.group] = n - 1
	case n == indexedFrom:
		f.index = make(map[*group]int, 2*n)
		for i := range f.list {
			f.index[f.list[i].group] = i
		}
	}
}

// remove removes the i-th membership. The last one moves to its index.
func (m *memberships) remove(i int) {
	last := m.len() - 1
	removed, moved := m.at(i).group, m.at(last).group
	*m.at(i) = *m.at(last)
	*m.at(last) = membership{}
	switch {
	case last == 0:
		return
	case last == 1:
		m.more = nil
		return
	}
	f := m.more
	f.list = f.list[:last-1]
	if f.index == nil {
		return
	}
	if i > 0 {
		f.index[moved] = i - 1
		delete(f.index, removed)
	} else {
		delete(f.index, moved) // it is the first now
	}
}

// in returns the index of the membership in a group, or -1.
func (m *memberships) in(g *group) int {
	switch {
	case m.first.group == g:
		return 0
	case m.more == nil:
		return -1
	case m.more.index != nil:
		if i, found := m.more.index[g]; found {
			return i + 1
		}
		return -1
	}
	for i := range m.more.list {
		if m.more.list[i].group == g {
			return i + 1
		}
	}
	return -1
}
