package hub

import (
	"context"
	"maps"
	"slices"
	"time"
)

// send tells the others what there is to tell, and ends when that is nothing or the broker does not take it. The next heartbeat tries
// again.
func (a *attendance) send() error {
	for {
		a.mu.Lock()
		switch {
		case a.closed:
			a.mu.Unlock() // sending stays: nothing is sent any more
			a.disconnect()
			return nil
		case !a.owes():
			a.sending = false
			a.mu.Unlock()
			return nil
		}
		r, connected := a.report(), a.cancel != nil
		a.mu.Unlock()
		if err := a.exchangeAll(r.parts(), connected); a.failed(err) {
			return err
		}
	}
}

// failed reports whether err ends send, which has to see to the end of a closed attendance. It logs when the broker goes away and when it
// is back.
func (a *attendance) failed(err error) bool {
	a.mu.Lock()
	was := a.away
	a.away = err != nil
	if a.away {
		a.tell, a.sending = true, a.closed
	}
	ends := a.away && !a.closed
	a.mu.Unlock()
	switch {
	case (err != nil) == was || !a.hub.mayLog(err != nil):
	case err != nil:
		a.hub.cfg.Log.Warn("hub: other processes cannot be told who is present", "topic", a.topic(), "error", err)
	default:
		a.hub.cfg.Log.Info("hub: other processes are told again who is present", "topic", a.topic())
	}
	return ends
}

// report takes what is to be told. mu is held.
func (a *attendance) report() report {
	r := report{Node: a.node}
	switch connected := a.cancel != nil; {
	case a.tell || !connected:
		r.All, r.Ask, r.Join = true, !connected, slices.Sorted(maps.Keys(a.mine))
	default:
		for _, who := range slices.Sorted(maps.Keys(a.changed)) {
			if a.mine[who] > 0 {
				r.Join = append(r.Join, who)
			} else {
				r.Leave = append(r.Leave, who)
			}
		}
	}
	a.tell = false
	clear(a.changed)
	return r
}

func (a *attendance) exchangeAll(parts []report, connected bool) error {
	for _, r := range parts {
		if err := a.exchange(r, connected); err != nil {
			return err
		}
		connected = true
	}
	return nil
}

// exchange publishes r. Who is not connected yet subscribes from there on: what others said before is of no use, and what they answer comes
// behind.
func (a *attendance) exchange(r report, connected bool) error {
	ctx, stop := context.WithTimeout(context.Background(), tellingLimit)
	defer stop()
	key := presencePrefix + a.topic()
	pos, err := a.hub.broker.Publish(ctx, key, r.append(nil))
	if err != nil || connected {
		return err
	}
	cancel, _, err := a.hub.broker.Subscribe(key, pos, a.receive)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.cancel = cancel
	a.mu.Unlock()
	return nil
}

// close ends it: the others are told that nobody is here any more.
func (a *attendance) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.farewell = len(a.mine)+len(a.changed) > 0
	a.closed = true
	a.kick()
}

func (a *attendance) disconnect() {
	a.mu.Lock()
	cancel, farewell := a.cancel, a.farewell || a.tell // what the broker did not take is in tell
	a.mu.Unlock()
	if cancel == nil {
		return
	}
	if farewell {
		_ = a.exchange(report{Node: a.node, All: true}, true) // if that fails, silence tells them
	}
	cancel()
}

// receive takes what another process says.
func (a *attendance) receive(_ Pos, raw []byte) {
	r, ok := parseReport(raw)
	if !ok || r.Node == a.node {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	a.apply(r, time.Now())
	if r.Ask && len(a.mine) > 0 {
		a.tell = true
	}
	a.kick()
}

// apply takes over what r says of its node. mu is held.
func (a *attendance) apply(r report, now time.Time) {
	n := a.nodes[r.Node]
	if n == nil {
		if len(r.Join) == 0 || len(a.nodes) >= maxNodes {
			return
		}
		n = &node{names: map[string]bool{}}
		a.nodes[r.Node] = n
	}
	n.seen = now
	if r.All {
		r.Leave = r.missing(n.names)
	}
	for _, who := range r.Leave {
		if n.names[who] {
			delete(n.names, who)
			a.remove(who)
		}
	}
	for _, who := range r.Join {
		if !n.names[who] && validName(who, MaxWho) && a.add(who) {
			n.names[who] = true
		}
	}
	if len(n.names) == 0 {
		delete(a.nodes, r.Node)
	}
}

// beat is a heartbeat: it tells the others who is here, and forgets processes that did not tell, and what nobody uses.
func (h *Hub) beat() {
	now := time.Now()
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	for e := h.unused.Front(); e != nil && now.Sub(e.Value.(*attendance).used) >= silence; e = h.unused.Front() {
		h.shed()
	}
	used := slices.Collect(maps.Values(h.presences))
	if h.beater = nil; len(used) > 0 {
		h.beater = time.AfterFunc(heartbeat, h.beat)
	}
	h.mu.Unlock()
	h.tasks.start(func() {
		for _, a := range used {
			a.expire(now)
		}
		tellAll(used)
	})
}

// tellAll has them tell the others who is here. It goes on when the broker refuses what one says, but not when it is away: it would take
// its time for each.
func tellAll(used []*attendance) {
	lost := time.Duration(0)
	for _, a := range used {
		begun := time.Now()
		if a.beat() == nil {
			continue
		}
		if lost += time.Since(begun); lost >= tellingLimit {
			return
		}
	}
}

// expire forgets the processes that were silent for long.
func (a *attendance) expire(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, n := range a.nodes {
		if now.Sub(n.seen) < silence {
			continue
		}
		delete(a.nodes, id)
		for who := range n.names {
			a.remove(who)
		}
	}
	a.kick()
}

// beat tells the others who is here, if anybody is.
func (a *attendance) beat() error {
	a.mu.Lock()
	a.tell = a.tell || len(a.mine) > 0
	if !a.owes() || a.sending {
		a.mu.Unlock()
		return nil
	}
	a.sending = true
	a.mu.Unlock()
	return a.send()
}

// mayLog reports whether a line about the broker is due: one in a second at most, for each of away and back. An outage concerns all topics.
func (h *Hub) mayLog(away bool) bool {
	at := &h.backAt
	if away {
		at = &h.awayAt
	}
	last, now := at.Load(), time.Now().UnixNano()
	return now-last > int64(time.Second) && at.CompareAndSwap(last, now)
}
