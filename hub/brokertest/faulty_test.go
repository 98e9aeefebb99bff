package brokertest_test

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart/hub"
	"github.com/goquart/quart/hub/brokertest"
)

// network is a backend that can be switched off, with a fault.
type network struct {
	fault string

	mu   sync.Mutex
	mem  *hub.Memory
	down bool
	subs []*remote
	kept [][]byte
	old  uint64 // the first epoch
}

var errDown = errors.New("switched off")

// remote is a broker that goes by way of a network.
type remote struct {
	n     *network
	topic string
	last  hub.Pos
	fn    func(hub.Pos, []byte)
	end   func()
}

func newNetwork(fault string) func(*testing.T, brokertest.Config) brokertest.Backend {
	return func(_ *testing.T, c brokertest.Config) brokertest.Backend {
		if fault == "keeps for ever" {
			c.Keep = -1
		}
		if fault == "keeps too much" {
			c.History *= 2
		}
		if fault == "keeps too little" {
			c.History /= 2
		}
		config := hub.MemoryConfig{History: c.History, Keep: c.Keep}
		n := &network{fault: fault, mem: hub.NewMemory(config)}
		return brokertest.Backend{
			Connect: func(*testing.T) hub.Broker { return n },
			Stop:    func(*testing.T) { n.set(true) },
			Start: func(*testing.T) {
				n.set(false)
				if fault == "doubles after a restart" {
					n.restart(n.mem, true)
				}
				if fault == "forgets subscribers at a restart" {
					for _, s := range n.all() {
						s.end()
					}
				}
			},
			Lose: func(*testing.T) { n.restart(hub.NewMemory(config), false) },
		}
	}
}

func (n *network) set(down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = down
}

func (n *network) all() []*remote {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.subs)
}

// restart moves all subscriptions to a memory. With double, the last message of each comes again.
func (n *network) restart(m *hub.Memory, double bool) {
	n.mu.Lock()
	n.mem = m
	n.mu.Unlock()
	for _, s := range n.all() {
		s.end()
		since := s.last
		if double {
			since.Seq--
		}
		s.end, _, _ = m.Subscribe(s.topic, since, s.fn)
	}
}

func (n *network) memory() (*hub.Memory, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down && n.fault != "lives without backend" {
		return nil, errDown
	}
	return n.mem, nil
}

// name is the topic as the network knows it.
func (n *network) name(topic string) string {
	switch n.fault {
	case "folds case":
		return strings.ToLower(topic)
	case "cuts at NUL":
		topic, _, _ = strings.Cut(topic, "\x00")
	case "cuts long names":
		topic = topic[:min(len(topic), 255)]
	case "replaces dots":
		return strings.ReplaceAll(topic, ".", "_")
	case "one topic":
		return ""
	}
	return topic
}

// pos is a position as the network tells it.
func (n *network) pos(p hub.Pos) hub.Pos {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.old == 0 {
		n.old = p.Epoch
	}
	if n.fault == "same epoch after a loss" {
		p.Epoch = n.old
	}
	return p
}

func (n *network) Publish(ctx context.Context, topic string, msg []byte) (hub.Pos, error) {
	m, err := n.memory()
	if err != nil {
		return hub.Pos{}, err
	}
	switch n.fault {
	case "keeps msg":
		n.mu.Lock()
		n.kept = append(n.kept, msg)
		msg = binary.AppendUvarint(nil, uint64(len(n.kept)-1))
		n.mu.Unlock()
	case "ignores ctx":
		ctx = context.Background()
	case "cuts messages":
		msg = msg[:min(len(msg), 1<<15)]
	case "leaks":
		go func() { <-make(chan struct{}) }()
	}
	pos, err := m.Publish(ctx, n.name(topic), msg)
	if n.fault == "another position" {
		pos.Seq++
	}
	return n.pos(pos), err
}

func (n *network) Subscribe(topic string, since hub.Pos, fn func(hub.Pos, []byte)) (func(), bool, error) {
	m, err := n.memory()
	if err != nil {
		return nil, false, err
	}
	s := &remote{n: n, topic: n.name(topic)}
	s.fn = n.receiver(s, fn)
	n.mu.Lock()
	n.subs = append(n.subs, s)
	n.mu.Unlock()
	recovered := n.start(m, s, since)
	switch n.fault {
	case "always recovered":
		recovered = true
	case "never recovered":
		recovered = false
	}
	return func() {
		if n.fault == "goes on after cancel" {
			return
		}
		n.mu.Lock()
		n.subs = slices.DeleteFunc(n.subs, func(other *remote) bool { return other == s })
		n.mu.Unlock()
		s.end()
	}, recovered, nil
}

// start subscribes s at the memory.
func (n *network) start(m *hub.Memory, s *remote, since hub.Pos) (recovered bool) {
	switch n.fault {
	case "history later":
		var ended sync.WaitGroup
		var end func()
		ended.Go(func() { end, _, _ = m.Subscribe(s.topic, since, s.fn) })
		s.end = func() { ended.Wait(); end() }
		return true
	case "gap at the seam":
		end, recovered, _ := m.Subscribe(s.topic, since, s.fn)
		end()
		time.Sleep(time.Millisecond)
		seen := hub.Pos{}
		end, _, _ = m.Subscribe(s.topic, hub.Pos{}, func(pos hub.Pos, _ []byte) { seen = pos })
		end()
		s.end, _, _ = m.Subscribe(s.topic, seen, s.fn)
		return recovered
	case "newest again":
		if since.Seq > 1 {
			since.Seq--
		}
	case "ignores since":
		s.end, _, _ = m.Subscribe(s.topic, hub.Pos{}, s.fn)
		return true
	}
	s.end, recovered, _ = m.Subscribe(s.topic, since, s.fn)
	return recovered
}

// receiver is fn, with the fault.
func (n *network) receiver(s *remote, fn func(hub.Pos, []byte)) func(hub.Pos, []byte) {
	count := 0
	var held func()
	return func(pos hub.Pos, msg []byte) {
		s.last = pos
		pos = n.pos(pos)
		count++
		switch n.fault {
		case "loses one":
			if count == 30 {
				return
			}
		case "doubles one":
			if count == 30 {
				fn(pos, msg)
			}
		case "swaps two":
			if count == 30 {
				text := string(msg)
				held = func() { fn(pos, []byte(text)) }
				return
			}
			if held != nil {
				defer held()
				held = nil
			}
		case "two at a time":
			var both sync.WaitGroup
			defer both.Wait()
			both.Go(func() { fn(pos, msg) })
		case "keeps msg":
			i, _ := binary.Uvarint(msg)
			n.mu.Lock()
			msg = n.kept[i]
			n.mu.Unlock()
		}
		fn(pos, msg)
	}
}
