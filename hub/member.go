package hub

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/goquart/quart"
)

// Format says what a member is sent. "Socket" below is any quart.Live that is no event stream.
type Format uint8

const (
	// Auto is Events for an EventStream and Plain for the rest.
	Auto Format = iota
	// Plain is the messages as they were published, and nothing else.
	Plain
	// Events is for event streams: the messages, whose IDs are their positions, and the named events
	//
	//	recovered  false, at the beginning if Options.Since was given and messages behind it are lost; else they just follow
	//	present    a JSON array of who is there, at the beginning, if presence was asked for
	//	join       who came, if presence was asked for
	//	leave      who left
	//
	// What has just happened may be told by join or leave although the list has it already.
	Events
	// Envelope is for sockets: each message is a JSON object with the members topic, id (the position: what to resume from), and data: a
	// string, or what PublishJSON was given. A binary message has base64 in place of data, a named event has event besides it. First comes
	// one with topic, id, recovered (a boolean), and present (an array) if presence was asked for. Who comes and leaves is
	// {"topic":"x","join":"ada"} and {"topic":"x","leave":"ada"}.
	Envelope
)

// form is how a message is encoded.
type form int

const (
	formPlain form = iota
	formEnvelope
	numForms
)

func (f Format) form() form {
	if f == Envelope {
		return formEnvelope
	}
	return formPlain
}

// of resolves Auto.
func (f Format) of(l quart.Live) Format {
	if f != Auto {
		return f
	}
	if _, ok := l.(*quart.EventStream); ok {
		return Events
	}
	return Plain
}

// Recent as Options.Since asks for all of the history first.
const Recent = "recent"

// Options are those of a membership.
type Options struct {
	// Since is the position of the last message that the client has seen: the ID of an event or of an envelope. The member is sent what
	// came after it, and Member.Recovered says whether that is all. If it is not, because too much came or too long ago, or because Since
	// is no position of this topic, all of the history is sent, as with Recent. "" sends only what comes from now on.
	Since string
	// As is who the member is: at most MaxWho bytes. It is present in the topic then, and told of others. Several members may be one and
	// the same. It is what the app says, so a name that the client chose should be checked first.
	As string
	// Presence tells the member, in the formats Events and Envelope, who is present and who comes and leaves, even if As is "".
	Presence bool
	Format   Format
}

// Member is a membership in a topic.
type Member struct {
	room      *room
	live      quart.Live
	stop      func() bool // forgets the context; nil for a notifier
	named     *named      // nil without presence
	ahead     *Pos        // what it has seen is not here yet
	after     uint64      // number of the last entry that it was sent when it became a member
	index     int32       // in room.members, -1 when it is not there
	format    Format
	counted   bool
	watches   bool
	recovered bool
	gone      atomic.Bool // set with room.mu held
}

// named is a member's part in the presence of its topic.
type named struct {
	a   *attendance
	who string // "" for one that only watches
}

// Recovered reports whether the member, who came back with Options.Since, was sent all that it had missed.
func (m *Member) Recovered() bool { return m.recovered }

// Leave ends the membership. A message that is being delivered may still arrive. It does not block, and calls after the first do nothing.
// When the connection's context is done, the member leaves by itself.
func (m *Member) Leave() {
	if m.gone.Load() {
		return
	}
	if m.stop != nil {
		m.stop()
	} else if n, ok := m.live.(notifier); ok {
		n.Forget((*ending)(m))
	}
	m.leave()
}

// notifier is a quart.Live that says itself when it is over, for less memory than its context takes.
type notifier interface {
	Notify(g interface{ Gone() }) // calls Gone in a goroutine of its own, at once if it is over
	Forget(g interface{ Gone() })
}

// ending is a Member as a notifier sees it.
type ending Member

func (e *ending) Gone() { (*Member)(e).leave() }

// watch makes m leave when its connection is over.
//
// perf: a context and a function behind it take 600 B for each member, half of what a parked stream takes (BenchmarkJoin).
func (m *Member) watch() {
	if n, ok := m.live.(notifier); ok {
		n.Notify((*ending)(m))
		return
	}
	ctx := m.live.Context()
	m.stop = context.AfterFunc(ctx, m.leave)
	if ctx.Err() != nil {
		m.leave() // now: who joins is told
	}
}

func (m *Member) leave() {
	r := m.room
	r.mu.Lock()
	if m.gone.Load() {
		r.mu.Unlock()
		return
	}
	m.gone.Store(true)
	if m.index >= 0 {
		r.drop(m)
	}
	if m.counted {
		r.enroll(m, -1)
	}
	r.mu.Unlock()
	if m.named != nil {
		m.named.a.leave(m.named.who)
	}
	r.hub.release(r)
}

// enroll counts a member in or out. mu is held.
func (r *room) enroll(m *Member, by int) {
	m.counted = by > 0
	r.forms[m.format.form()] += by
	if m.watches {
		r.watchers += by
	}
	r.counters.members.Add(int64(by))
	r.hub.counters.members.Add(int64(by))
}

// drop takes m out of members. mu is held.
func (r *room) drop(m *Member) {
	last := len(r.members) - 1
	moved := r.members[last]
	r.members[m.index], moved.index = moved, m.index
	r.members[last] = nil
	r.members = r.members[:last]
	m.index = -1
	if cap(r.members) > 64 && last < cap(r.members)/4 {
		r.members = append(make([]*Member, 0, cap(r.members)/2), r.members...)
	}
}

// has reports whether the member has seen the message.
func (m *Member) has(e *entry) bool {
	return e.number <= m.after || m.ahead != nil && e.pos.Epoch == m.ahead.Epoch && e.pos.Seq <= m.ahead.Seq
}

// ---- joining ----

// walker is a member on its way along the history.
type walker struct {
	m       *Member
	at      *entry
	pending []*quart.Frame // what happened meanwhile that is no message
}

// catchUp posts what m has missed, and makes it one of the members in the moment when nothing is left.
func (r *room) catchUp(m *Member, since string) error {
	w := &walker{m: m}
	if err := r.begin(w, since); err != nil {
		return err
	}
	defer r.end(w)
	for _, f := range r.greeting(w, since) {
		if err := m.live.Post(f); err != nil {
			return err
		}
	}
	var frames [batch]*quart.Frame
	for {
		n, done := r.walk(w, frames[:])
		if done {
			return nil
		}
		for _, f := range frames[:n] {
			if err := m.live.Post(f); err != nil {
				r.count(0, 1)
				return err
			}
		}
		r.count(uint64(n), 0)
	}
}

// begin finds where w starts.
func (r *room) begin(w *walker, since string) error {
	m := w.m
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errClosed
	}
	if m.gone.Load() {
		return quart.ErrClosed
	}
	r.history.trim(time.Now())
	w.at = r.history.tail
	if since != "" {
		pos, _ := ParsePos(since)
		w.at, m.recovered = r.history.seek(pos)
		if m.recovered && pos.Seq > w.at.pos.Seq {
			m.ahead = &pos
		}
	}
	if m.format != Plain && w.at.pos == (Pos{}) {
		r.told = true
	}
	r.enroll(m, +1)
	r.walkers = append(r.walkers, w)
	return nil
}

// end takes w out of walkers.
func (r *room) end(w *walker) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.walkers {
		if other == w {
			last := len(r.walkers) - 1
			r.walkers[i], r.walkers[last] = r.walkers[last], nil
			r.walkers = r.walkers[:last]
			return
		}
	}
}

// walk takes the next frames for w. When there are none, it makes w's member one of the members.
func (r *room) walk(w *walker, frames []*quart.Frame) (n int, done bool) {
	m := w.m
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.gone.Load() {
		return 0, true
	}
	for n < len(frames) && w.at.next != nil {
		if w.at = w.at.next; w.at.kind != 0 && !m.has(w.at) {
			frames[n] = r.frame(w.at, m.format.form())
			n++
		}
	}
	if n == 0 {
		n = copy(frames, w.pending)
		w.pending = w.pending[n:]
	}
	if n > 0 {
		return n, false
	}
	m.after = w.at.number
	m.index = int32(len(r.members))
	r.members = append(r.members, m)
	return 0, true
}

// greeting is what comes first.
func (r *room) greeting(w *walker, since string) (frames []*quart.Frame) {
	m := w.m
	if m.format == Plain {
		return nil
	}
	at := r.history.token(w.at)
	if m.ahead != nil {
		at = m.ahead.String()
	}
	var present []byte
	if m.watches {
		present = jsonNames(m.named.a.told(m.named.who))
	}
	if m.format == Envelope {
		return []*quart.Frame{helloEnvelope(r.name(), at, m.recovered, present)}
	}
	if since != "" && !m.recovered {
		frames = append(frames, eventFrame(at, "recovered", "false"))
	}
	switch {
	case m.watches:
		frames = append(frames, eventFrame(at, "present", string(present)))
	case since == "": // who leaves before the first message has an ID to come back with
		frames = append(frames, idFrame(at))
	}
	return frames
}

// idFrame tells an event stream its position, without an event.
func idFrame(id string) *quart.Frame {
	f, err := quart.Event{ID: id, Comment: "joined"}.Frame()
	if err != nil {
		panic("hub: " + err.Error()) // printed positions are valid
	}
	return f
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func helloEnvelope(topic, at string, recovered bool, present []byte) *quart.Frame {
	b := appendMember(openEnvelope(nil, topic), "id", at)
	b = append(b, `,"recovered":`...)
	b = append(b, boolText(recovered)...)
	if present != nil {
		b = append(b, `,"present":`...)
		b = append(b, present...)
	}
	return textFrame(append(b, '}'))
}

// eventFrame makes a frame of an event that is known to be valid.
func eventFrame(id, name, data string) *quart.Frame {
	f, err := quart.Event{ID: id, Name: name, Data: data}.Frame()
	if err != nil {
		panic(err)
	}
	return f
}

// join makes l a member of t, which Authorize has allowed.
func (t *Topic) join(l quart.Live, o Options) (*Member, error) {
	h := t.hub
	r, err := h.acquire(t.key)
	if err != nil {
		return nil, err
	}
	var m *Member
	joined := false
	defer func() { // after a panic of the broker's or l's, too: Close waits for the room
		switch {
		case joined:
		case m == nil:
			h.release(r)
		default:
			m.leave()
		}
	}()
	if err := r.subscribe(func() <-chan struct{} { return l.Context().Done() }); err != nil {
		return nil, err
	}
	var n *named
	if o.As != "" || o.Presence {
		if n, err = h.attend(t.key, o.As); err != nil {
			return nil, err
		}
	}
	m = &Member{room: r, live: l, index: -1, named: n, format: o.Format.of(l)}
	m.watches = n != nil && m.format != Plain
	m.watch()
	if err := r.catchUp(m, o.Since); err != nil {
		m.Leave()
		return nil, err
	}
	joined = true
	return m, nil
}
