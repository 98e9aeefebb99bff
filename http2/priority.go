package http2

import (
	"bytes"
	"encoding/binary"
)

// This file is the order in which responses share the connection (RFC 9218).

const (
	urgencies      = 8
	defaultUrgency = 3
)

// schedule is the streams that have DATA to send and a window for it: a queue for each urgency.
type schedule struct {
	n     int
	heads [urgencies]*Stream
	tails [urgencies]*Stream
}

func (q *schedule) push(s *Stream) {
	s.queued, s.next = true, nil
	q.n++
	u := s.urgency
	if q.heads[u] == nil {
		q.heads[u], q.tails[u] = s, s
		return
	}
	q.tails[u].next = s
	q.tails[u] = s
}

func (q *schedule) pushFront(s *Stream) {
	u := s.urgency
	if q.heads[u] == nil {
		q.push(s)
		return
	}
	s.queued, s.next = true, q.heads[u]
	q.heads[u] = s
	q.n++
}

// pop takes the first stream of the most urgent queue. There must be one.
func (q *schedule) pop() *Stream {
	for u := range q.heads {
		s := q.heads[u]
		if s == nil {
			continue
		}
		q.heads[u] = s.next
		if s.next == nil {
			q.tails[u] = nil
		}
		s.next, s.queued = nil, false
		q.n--
		return s
	}
	return nil
}

func (q *schedule) remove(s *Stream) {
	u := s.urgency
	var before *Stream
	for at := q.heads[u]; at != s; at = at.next {
		before = at
	}
	if before == nil {
		q.heads[u] = s.next
	} else {
		before.next = s.next
	}
	if q.tails[u] == s {
		q.tails[u] = before
	}
	s.next, s.queued = nil, false
	q.n--
}

// setPriority takes the value of a Priority field: "u=0..7, i".
//
// Streams of an urgency take turns, frame by frame. One whose client said something and not that it is incremental goes on until it is done (section 10): what a browser asks for in
// order is of use when it is whole. Clients that know nothing of priorities get turns: none of their responses waits for a large one.
func (s *Stream) setPriority(value []byte) {
	s.urgency, s.sequential = defaultUrgency, true
	for item := range bytes.SplitSeq(value, []byte(",")) {
		item = bytes.Trim(item, " \t")
		item, _, _ = bytes.Cut(item, []byte(";"))
		switch {
		case len(item) == 3 && item[0] == 'u' && item[1] == '=' && '0' <= item[2] && item[2] <= '7':
			s.urgency = item[2] - '0'
		case string(item) == "i" || string(item) == "i=?1":
			s.sequential = false
		}
	}
}

// earlyPriority is that of a stream which is not open yet.
type earlyPriority struct {
	stream     uint32
	urgency    uint8
	sequential bool
}

func (c *conn) onPriorityUpdate(f *frame) error {
	switch {
	case f.stream != 0:
		return connError(ProtocolError, "PRIORITY_UPDATE on stream %d", f.stream)
	case len(f.payload) < 4:
		return connError(FrameSizeError, "PRIORITY_UPDATE of %d bytes", len(f.payload))
	}
	id := binary.BigEndian.Uint32(f.payload) & maxStreamID
	if id == 0 {
		return connError(ProtocolError, "PRIORITY_UPDATE of stream 0")
	}
	c.lock()
	defer c.unlock()
	if c.idle(id) {
		if id&1 == 0 {
			return connError(ProtocolError, "PRIORITY_UPDATE of stream %d", id)
		}
		var s Stream
		s.setPriority(f.payload[4:])
		c.early[id/2%uint32(len(c.early))] = earlyPriority{id, s.urgency, s.sequential}
		return nil
	}
	s := c.streams[id]
	if s == nil {
		return nil
	}
	queued := s.queued
	if queued {
		c.ready.remove(s)
	}
	s.setPriority(f.payload[4:])
	if queued {
		c.ready.push(s)
	}
	return nil
}

// applyEarly gives s the priority that came before it (section 7.1). mu is held.
func (c *conn) applyEarly(s *Stream) {
	if e := &c.early[s.id/2%uint32(len(c.early))]; e.stream == s.id {
		s.urgency, s.sequential = e.urgency, e.sequential
		*e = earlyPriority{}
	}
}

// onPriority checks a frame of RFC 7540, whose scheme is obsolete.
func (c *conn) onPriority(f *frame) error {
	switch {
	case f.stream == 0:
		return connError(ProtocolError, "PRIORITY on stream 0")
	case len(f.payload) != 5:
		c.lock()
		defer c.unlockHand()
		if s := c.streams[f.stream]; s != nil {
			return c.streamError(s, FrameSizeError)
		}
		return connError(FrameSizeError, "PRIORITY of %d bytes", len(f.payload))
	case binary.BigEndian.Uint32(f.payload)&maxStreamID != f.stream:
		return nil
	}
	c.lock()
	defer c.unlockHand()
	if s := c.streams[f.stream]; s != nil {
		return c.streamError(s, ProtocolError)
	}
	return connError(ProtocolError, "stream %d depends on itself", f.stream)
}
