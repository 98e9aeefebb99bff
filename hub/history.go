package hub

import (
	"math/rand/v2"
	"time"
	"weak"

	"github.com/goquart/quart"
)

// entry is a message in the history of a room. Everything but frames and next never changes. An entry without a kind is no message: it
// marks a place.
type entry struct {
	message
	pos    Pos
	number uint64 // in the room, from 1; that of a mark is that of the message before it
	at     time.Time
	frames [numForms]weak.Pointer[quart.Frame] // shared by those that have it in their queues, and not kept for longer
	next   *entry
}

// history is the recent messages of a topic, oldest first. It is a chain: who walks along it, a member that catches up or the delivery,
// needs no place in it, and what is ahead of it is not freed, while the history forgets what is behind its limits. The room's mu guards it.
type history struct {
	head   *entry // in front of the oldest one that is kept; its pos is that of a message that was forgotten, or zero
	tail   *entry
	count  int
	bytes  int
	limits limits
	origin Pos // in front of the first message, in this history and no other: what who was there before it resumes from
}

type limits struct {
	count int
	bytes int
	keep  time.Duration // 0: for ever
}

// entryOverhead is what an entry takes besides its data, roughly.
const entryOverhead = 256

func newHistory(l limits) history {
	e := &entry{}
	return history{head: e, tail: e, limits: l, origin: Pos{Epoch: rand.Uint64() | 1}}
}

// push appends e and forgets what is too old or too much. It reports false for a message that is there already.
func (h *history) push(e *entry) bool {
	last := h.tail.pos
	if last.Epoch == e.pos.Epoch && e.pos.Seq <= last.Seq {
		return false
	}
	if last != (Pos{}) && last.Epoch != e.pos.Epoch { // messages were lost in between
		h.restart(Pos{})
	}
	e.number = h.tail.number + 1
	h.link(e)
	h.count++
	h.bytes += e.size()
	h.trim(e.at)
	return true
}

func (h *history) link(e *entry) {
	h.tail.next = e
	h.tail = e
}

// restart forgets everything, by a mark. pos is that of the last message, zero if what comes does not follow it.
func (h *history) restart(pos Pos) {
	h.link(&entry{pos: pos, number: h.tail.number})
	h.head, h.count, h.bytes = h.tail, 0, 0
}

// size is what the entry takes of limits.bytes.
func (e *entry) size() int { return len(e.name) + len(e.data) + entryOverhead }

// trim forgets what is behind the limits.
func (h *history) trim(now time.Time) {
	for h.count > 0 && h.exceeded(h.head.next, now) {
		h.head = h.head.next
		h.count--
		h.bytes -= h.head.size()
	}
}

func (h *history) exceeded(oldest *entry, now time.Time) bool {
	l := &h.limits
	return h.count > l.count || h.bytes > l.bytes || l.keep > 0 && now.Sub(oldest.at) >= l.keep
}

// expire is trim for a topic that is quiet: it frees the last message as well. It reports whether there is any left.
func (h *history) expire(now time.Time) bool {
	h.trim(now)
	if h.count == 0 && h.head.kind != 0 {
		h.restart(h.head.pos)
	}
	return h.count > 0
}

// floor is the Seq behind which nothing is missing, in the epoch of the newest message.
func (h *history) floor() uint64 {
	switch first := h.head.next; {
	case h.head.pos != (Pos{}):
		return h.head.pos.Seq
	case first != nil:
		return first.pos.Seq - 1
	}
	return 0
}

// seek finds the entry behind which one who has seen since goes on. It reports false, and the beginning, when messages behind since are
// lost or since is of another epoch.
func (h *history) seek(since Pos) (from *entry, recovered bool) {
	if since == h.origin {
		return h.head, h.head.number == 0 // nothing was forgotten yet
	}
	newest := h.tail.pos
	if since == (Pos{}) || newest == (Pos{}) || since.Epoch != newest.Epoch || since.Seq < h.floor() {
		return h.head, false
	}
	from = h.head
	for from.next != nil && from.next.pos.Seq <= since.Seq {
		from = from.next
	}
	return from, true
}

// token is what a member that is at e has to resume from.
func (h *history) token(e *entry) string {
	if e.pos == (Pos{}) {
		return h.origin.String()
	}
	return e.pos.String()
}
