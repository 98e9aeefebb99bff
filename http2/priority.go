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

// schedule is the streams that have DATA to send and a window for it: two queues for each urgency, the first one of streams that have sent nothing yet.
type schedule struct {
	n     int
	heads [2 * urgencies]*Stream
	tails [2 * urgencies]*Stream
}

func (q *schedule) push(s *Stream) {
	s.queued, s.next = true, nil
	s.level = 2*s.urgency + 1
	if s.fresh && !s.sequential {
		s.level--
	}
	q.n++
	if q.heads[s.level] == nil {
		q.heads[s.level], q.tails[s.level] = s, s
		return
	}
	q.tails[s.level].next = s
	q.tails[s.level] = s
}

func (q *schedule) pushFront(s *Stream) {
	s.queued = true
	s.level = 2*s.urgency + 1
	q.n++
	s.next = q.heads[s.level]
	q.heads[s.level] = s
	if s.next == nil {
		q.tails[s.level] = s
	}
}

// pop takes the first stream of the most urgent queue. There must be one.
func (q *schedule) pop() *Stream {
	for level := range q.heads {
		s := q.heads[level]
		if s == nil {
			continue
		}
		q.heads[level] = s.next
		if s.next == nil {
			q.tails[level] = nil
		}
		s.next, s.queued, s.fresh = nil, false, false
		q.n--
		return s
	}
	return nil
}

func (q *schedule) remove(s *Stream) {
	var before *Stream
	for at := q.heads[s.level]; at != s; at = at.next {
		before = at
	}
	if before == nil {
		q.heads[s.level] = s.next
	} else {
		before.next = s.next
	}
	if q.tails[s.level] == s {
		q.tails[s.level] = before
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
