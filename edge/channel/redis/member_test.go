//go:build unix

package redis

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

// Environment variables of the process that startMember starts: hosts and prefix.
const victimHosts, victimPrefix = "TENANTEDGE_TEST_HOSTS", "TENANTEDGE_TEST_PREFIX"

// TestMemberProcess is the process that startMember starts, not a test.
func TestMemberProcess(t *testing.T) {
	hosts := os.Getenv(victimHosts)
	if hosts == "" {
		t.Skip("runs in a separate process, which other tests kill")
	}
	core := open(t, kinds[0].make, Config{Hosts: strings.Fields(hosts), Prefix: os.Getenv(victimPrefix)}).(*Core)
	core.aliveTTL = time.Second
	var names []string
	for _, schema := range []string{"acme", "bolt"} {
		m := channeltest.Open(t, channeltest.Scope(t, core, schema), "chat", "room")
		names = append(names, m.Name())
	}
	fmt.Println("startMember", core.aliveKey(core.process), names[0])
	<-t.Context().Done() // never: the process is killed
}

// startMember starts a process in the groups chat and room of acme and bolt. It
// returns the key that shows that the process is alive, the name of its channel
// of acme, and a function that kills it.
func startMember(t *testing.T, c Config) (alive, name string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestMemberProcess$", "-test.timeout", "0")
	cmd.Env = append(os.Environ(), victimHosts+"="+strings.Join(c.Hosts, " "), victimPrefix+"="+c.Prefix)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if n, _ := fmt.Sscanf(lines.Text(), "startMember %s %s", &alive, &name); n == 2 {
			return alive, name, kill
		}
	}
	t.Fatal("the process ended before it was killed")
	return "", "", nil
}

func membersOf(t *testing.T, c *Core, group string) []string {
	t.Helper()
	names, err := c.clients[shard(group, len(c.clients))].ZRange(t.Context(), c.groupKey(group), 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// awaitDead waits until no host counts a process as alive.
func awaitDead(t *testing.T, c *Core, alive string) {
	t.Helper()
	for _, client := range c.clients {
		eventually(t, "the process to count as dead", func() bool { return client.Exists(t.Context(), alive).Val() == 0 })
	}
}

// A killed process gets no further messages, which are not counted as lost, and
// is removed from groups.
func TestAKilledProcessGetsNoFurtherMessages_G7(t *testing.T) {
	two := redistest.StartTwo(t)
	for _, hosts := range []int{1, 2} {
		t.Run(fmt.Sprint(hosts, " hosts"), func(t *testing.T) {
			t.Parallel()
			config := Config{Hosts: []string{two[0].URL(), two[1].URL()}[:hosts], Prefix: redistest.Prefix(), Capacity: 5}
			core := open(t, kinds[0].make, config).(*Core)
			s := channeltest.Scope(t, core, "acme")
			alive, name, kill := startMember(t, config)
			m := channeltest.Open(t, s, "chat")
			if got := membersOf(t, core, "acme.chat"); len(got) != 2 {
				t.Fatalf("the group has the members %q, expected two", got)
			}
			kill()
			awaitDead(t, core, alive)
			for i := range 20 {
				channeltest.SendGroup(t, s, "chat", fmt.Sprint("m", i))
				if got := m.Next(t); got != fmt.Sprint("m", i) {
					t.Errorf("got %q", got)
				}
			}
			if got := s.Stats(); got.OverCapacity+got.Unknown+got.Unsent != 0 || got.Sent != 20 {
				t.Errorf("counted %+v, expected no loss", got)
			}
			if got := membersOf(t, core, "acme.chat"); len(got) != 1 || !strings.HasPrefix(got[0], "acme."+core.process.String()) {
				t.Errorf("the group has the members %q, expected only the living process", got)
			}
			// A direct message is counted and not queued.
			if err := s.Send(t.Context(), name, channeltest.Message(t, "late")); err != nil {
				t.Errorf("got %v", err)
			}
			if got := s.Stats().Unknown; got != 1 {
				t.Errorf("Unknown is %d, expected 1", got)
			}
			key, host := core.queueKey("acme." + name)
			if n := core.clients[host].ZCard(t.Context(), key).Val(); n != 0 {
				t.Errorf("%d messages wait for the process that was killed", n)
			}
		})
	}
}

// Dead members are removed from groups to which no edge sends too, so that
// Django does not fill queues that no process reads.
func TestMembersThatRenewRemoveTheDead_G7(t *testing.T) {
	t.Parallel()
	config := Config{Hosts: []string{redistest.Start(t).URL()}, Prefix: redistest.Prefix()}
	core := open(t, kinds[0].make, config).(*Core)
	core.beat = 50 * time.Millisecond
	_, _, kill := startMember(t, config)
	channeltest.Open(t, channeltest.Scope(t, core, "acme"), "chat")
	channeltest.Open(t, channeltest.Scope(t, core, "bolt"), "room")
	kill()
	for _, group := range []string{"acme.chat", "bolt.room"} {
		eventually(t, "dead members to be removed from "+group, func() bool { return len(membersOf(t, core, group)) == 1 })
	}
}

// Members without a key may be alive: those of Django and of other versions.
func TestOnlyProcessesWithAnAliveKeyCanBeDead_G7(t *testing.T) {
	t.Parallel()
	config := Config{Hosts: []string{redistest.Start(t).URL()}, Prefix: redistest.Prefix(), Capacity: 3}
	core := open(t, kinds[0].make, config).(*Core)
	core.beat = 50 * time.Millisecond
	s, client := channeltest.Scope(t, core, "acme"), core.clients[0]
	const a, b, c = "AAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBB", "CCCCCCCCCCCCCCCC"
	strangers := []string{
		"specific.e538cfeb0fbd40959123dc14a1aa287b!af00e7db857246b0a427b220fd187c84",
		"specific." + a + "!" + b,
		"thumbnails", "acme.thumbnails", "acme." + a + "!" + b, "acme." + c + ".!short", "acme.x.!" + b, a + ".!" + b, "acme." + a + ".",
	}
	for _, name := range append(strangers, "acme."+a+".!"+b) {
		if err := client.ZAdd(t.Context(), core.groupKey("acme.chat"), redis.Z{Score: core.clock.next(), Member: name}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	m := channeltest.Open(t, s, "chat")
	for range 2 {
		channeltest.SendGroup(t, s, "chat", "to all")
		if got := m.Next(t); got != "to all" {
			t.Errorf("got %q", got)
		}
	}
	if err := s.Add(t.Context(), "another", m.Channel); err != nil {
		t.Fatal(err)
	}
	key := core.groupKey("acme.chat")
	joined := client.ZRangeWithScores(t.Context(), key, -1, -1).Val()[0].Score
	eventually(t, "a renewal", func() bool {
		all := client.ZRangeWithScores(t.Context(), key, -1, -1).Val()
		return len(all) == 1 && all[0].Score > joined
	})
	got := membersOf(t, core, "acme.chat")
	for _, name := range strangers {
		if !slices.Contains(got, name) {
			t.Errorf("%q was removed; the group has %q", name, got)
		}
		queue, _ := core.queueKey(name)
		if n := client.ZCard(t.Context(), queue).Val(); n != 2 {
			t.Errorf("%d messages wait for %q, expected 2", n, name)
		}
	}
	if len(got) != len(strangers)+1 {
		t.Errorf("the group has the members %q, expected %q and the process's own", got, strangers)
	}
}

// A process that was taken for dead, for example because it was suspended,
// notifies its receivers and joins its groups again.
func TestAProcessThatWasTakenForDeadJoinsAgain_G7(t *testing.T) {
	t.Parallel()
	config := Config{Hosts: []string{redistest.Start(t).URL()}, Prefix: redistest.Prefix()}
	a, b := open(t, kinds[0].make, config).(*Core), open(t, kinds[0].make, config).(*Core)
	here, there, w := channeltest.Scope(t, a, "acme"), channeltest.Scope(t, b, "acme"), newRecorder()
	a.beat = 50 * time.Millisecond
	ch, err := here.Open(t.Context(), w)
	if err == nil {
		err = here.Add(t.Context(), "chat", ch)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := a.clients[0].Del(t.Context(), a.aliveKey(a.process)).Err(); err != nil {
		t.Fatal(err)
	}
	w.awaitResume(t)
	channeltest.SendGroup(t, there, "chat", "after")
	if got := await(t, w.messages, "a message"); got != "after" {
		t.Errorf("got %q", got)
	}
}
