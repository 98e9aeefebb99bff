package hub

import (
	"container/list"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goquart/quart"
)

// Presence is that somebody came to a topic or left it: the first membership of that name in all processes, or the last one.
type Presence struct {
	Topic, Who string
	Joined     bool
}

const (
	heartbeat    = 20 * time.Second // how often a process says who is there
	silence      = 60 * time.Second // after that who was there is not any more; also how long an attendance that nobody uses stays
	maxNodes     = 1_000            // other processes, for each topic
	tellingLimit = 10 * time.Second // for telling the others
)

// attendance is who is present in a topic, in this process and, by what they say, in the others. It exists while members are named or
// watch, or somebody asks, and a minute longer, unless the place is needed.
//
// Processes talk about it over a topic of its own (see report). What changes is told at once and, lest a message is lost or a process, all
// is repeated at every heartbeat. A process that is new asks.
type attendance struct {
	hub  *Hub
	key  string // of the room
	node string // how the others know it: by chance, so that the last words of the one before it are not taken for its own

	// Guarded by hub.mu.
	refs int           // members
	idle *list.Element // in hub.unused; nil when it is not there
	used time.Time     // when it was put there

	mu       sync.Mutex
	mine     map[string]int // members here, by name
	all      map[string]int // processes, by name
	nodes    map[string]*node
	news     map[string]bool // who came or left, as the members are still to be told
	emitting bool            // a goroutine tells them
	parting  int             // members that left, and count in refs until they were told
	changed  map[string]bool // whose presence here changed since the others were told
	tell     bool            // they are to be told everything
	sending  bool            // a goroutine tells them
	away     bool            // the broker did not take it
	closed   bool
	farewell bool   // the others believe that somebody is here
	cancel   func() // of the subscription; nil without
}

// node is another process.
type node struct {
	seen  time.Time
	names map[string]bool
}

// attend returns the attendance of a topic for one more member, and the name under which it is present: none if there are too many.
func (h *Hub) attend(key, who string) (*named, error) {
	a, err := h.attendance(key, 1)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if who != "" && !a.enter(who) {
		who = ""
	}
	a.kick()
	return &named{a, who}, nil
}

// attendance returns that of a topic, and makes it if there is none.
func (h *Hub) attendance(key string, refs int) (*attendance, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errClosed
	}
	a := h.presences[key]
	if a == nil {
		if h.cfg.Topics > 0 && len(h.presences) >= h.cfg.Topics && !h.shed() && refs == 0 {
			return nil, ErrTopics // for members, who have a room already, that was decided
		}
		a = &attendance{
			hub: h, key: key, node: rand.Text(), mine: map[string]int{}, all: map[string]int{}, nodes: map[string]*node{},
			news: map[string]bool{}, changed: map[string]bool{},
		}
		h.presences[key] = a
		if h.beater == nil {
			h.beater = time.AfterFunc(heartbeat, h.beat)
		}
	}
	a.refs += refs
	h.rest(a)
	return a, nil
}

// rest puts a, whose members or use changed, where it belongs: behind all others that nobody uses, or not among them. mu is held.
func (h *Hub) rest(a *attendance) {
	if a.idle != nil {
		h.unused.Remove(a.idle)
		a.idle = nil
	}
	if a.refs > 0 || h.closed {
		return
	}
	a.used = time.Now()
	a.idle = h.unused.PushBack(a)
	if h.unused.Len() > maxIdle || h.cfg.Topics > 0 && len(h.presences) > h.cfg.Topics {
		h.shed()
	}
}

// shed ends the attendance that nobody used for the longest time. It reports false if all have members. mu is held.
func (h *Hub) shed() bool {
	oldest := h.unused.Front()
	if oldest == nil {
		return false
	}
	a := h.unused.Remove(oldest).(*attendance)
	a.idle = nil
	delete(h.presences, a.key)
	h.tasks.start(a.close)
	return true
}

// Present returns who is present in the topic, in all processes, in order: the names given by Options.As. If nothing here used the topic's
// presence before, the other processes are asked now, and answer within moments: until then who is there is missing, and comes as if it
// joined now. What they say is kept for a minute after the last use, of 1,000 topics without members here at most; each that is not kept
// costs a message to all and a subscription. A process that died is present for up to 80 seconds more.
func (t *Topic) Present() []string {
	h := t.hub
	if t.key == "" {
		return nil
	}
	h.mu.Lock()
	known := h.presences[t.key] != nil
	h.mu.Unlock()
	if !known && h.alone {
		return nil
	}
	a, err := h.attendance(t.key, 0)
	if err != nil {
		return nil
	}
	a.mu.Lock()
	a.kick()
	a.mu.Unlock()
	return a.present()
}

func (a *attendance) topic() string { return a.key[len(messagePrefix):] }

func (a *attendance) present() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.all))
}

// told returns who is there for one who joins as who: what the members were told or are being told, and itself. What is still to be told
// goes on from there.
func (a *attendance) told(who string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	names := make([]string, 0, len(a.all)+len(a.news))
	for name := range a.all {
		if !a.news[name] || name == who {
			names = append(names, name)
		}
	}
	for name, joined := range a.news {
		if !joined {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func jsonNames(names []string) []byte {
	b := []byte{'['}
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b, _ = jsontext.AppendQuote(b, name)
	}
	return append(b, ']')
}

// ---- who is there; mu is held ----

// enter counts a member of this process in. It reports false if it cannot be present.
func (a *attendance) enter(who string) bool {
	if a.mine[who] == 0 {
		if !a.add(who) {
			return false
		}
		a.changed[who] = true
	}
	a.mine[who]++
	return true
}

// leave counts a member of this process out. mu is not held.
func (a *attendance) leave(who string) {
	a.mu.Lock()
	if who != "" {
		if a.mine[who]--; a.mine[who] == 0 {
			delete(a.mine, who)
			a.remove(who)
			a.changed[who] = true
			a.kick()
		}
	}
	if a.emitting { // not to be replaced by another one, which would tell things at the same time
		a.parting++
		a.mu.Unlock()
		return
	}
	a.mu.Unlock()
	a.release(1)
}

func (a *attendance) release(refs int) {
	a.hub.mu.Lock()
	defer a.hub.mu.Unlock()
	a.refs -= refs
	a.hub.rest(a)
}

// add counts a process in that has who.
func (a *attendance) add(who string) bool {
	most := a.hub.cfg.Present
	if a.all[who] == 0 {
		if most > 0 && len(a.all) >= most {
			return false
		}
		a.note(who, true)
	}
	a.all[who]++
	return true
}

func (a *attendance) remove(who string) {
	if a.all[who]--; a.all[who] == 0 {
		delete(a.all, who)
		a.note(who, false)
	}
}

// note keeps what is to be told to the members here. Coming and leaving again before they were told is nothing.
func (a *attendance) note(who string, joined bool) {
	if _, ok := a.news[who]; ok {
		delete(a.news, who)
		return
	}
	a.news[who] = joined
}

// ---- telling ----

// kick starts what is to be done.
func (a *attendance) kick() {
	if len(a.news) > 0 && !a.emitting {
		a.emitting = true
		news := a.take()
		a.hub.tasks.start(func() { a.emit(news) })
	}
	if a.owes() && !a.sending {
		a.sending = true
		a.hub.tasks.start(func() { _ = a.send() })
	}
}

func (a *attendance) owes() bool {
	return !a.hub.alone && (a.cancel == nil || a.tell || a.closed || len(a.changed) > 0)
}

// take takes what is to be told now.
func (a *attendance) take() map[string]bool {
	news := a.news
	a.news = map[string]bool{}
	return news
}

// next is take for emit, which ends when there is nothing.
func (a *attendance) next() map[string]bool {
	a.mu.Lock()
	if len(a.news) > 0 {
		defer a.mu.Unlock()
		return a.take()
	}
	parting := a.parting
	a.emitting, a.parting = false, 0
	a.mu.Unlock()
	if parting > 0 {
		a.release(parting)
	}
	return nil
}

// emit tells the members here, and the hook.
func (a *attendance) emit(news map[string]bool) {
	h := a.hub
	for ; len(news) > 0; news = a.next() {
		for _, who := range slices.Sorted(maps.Keys(news)) {
			e := Presence{a.topic(), who, news[who]}
			if r := h.lookup(a.key); r != nil {
				r.notify(e)
			}
			if h.cfg.OnPresence != nil {
				h.callHook(e)
			}
		}
	}
}

// callHook keeps a hook's panic from ending the process.
func (h *Hub) callHook(e Presence) {
	defer func() {
		if v := recover(); v != nil {
			h.cfg.Log.Error("hub: OnPresence panicked", "topic", e.Topic, "panic", fmt.Sprint(v))
		}
	}()
	h.cfg.OnPresence(e)
}

// notify posts e to the members that watch. Nobody is told of himself.
func (r *room) notify(e Presence) {
	r.mu.Lock()
	if r.watchers == 0 {
		r.mu.Unlock()
		return
	}
	var frames [numForms]*quart.Frame
	for form := range frames {
		if r.forms[form] > 0 {
			frames[form] = e.frame(form)
		}
	}
	for _, w := range r.walkers {
		if w.m.watches && w.m.named.who != e.Who {
			w.pending = append(w.pending, frames[w.m.format.form()])
		}
	}
	var targets []*Member
	for _, m := range r.members {
		if m.watches && m.named.who != e.Who {
			targets = append(targets, m)
		}
	}
	r.mu.Unlock()
	for _, m := range targets {
		if m.gone.Load() {
			continue
		}
		if err := m.live.Post(frames[m.format.form()]); left(err) {
			m.Leave()
		}
	}
}

// frame is e for event streams, which take the plain form, and as an envelope.
func (e *Presence) frame(f int) *quart.Frame {
	name := "leave"
	if e.Joined {
		name = "join"
	}
	if form(f) == formPlain {
		return eventFrame("", name, e.Who)
	}
	return textFrame(append(appendMember(openEnvelope(nil, e.Topic), name, e.Who), '}'))
}
