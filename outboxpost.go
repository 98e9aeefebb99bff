package quart

import (
	"errors"
	"slices"
)

// How frames get into an outbox, and what happens to a client that is too slow for them.

// Post queues a frame for the client and never blocks. The first of a burst is written at once, on at most 64 connections of the app in 2 ms, so that who
// posts to thousands is not held up; a goroutine that all share sends the rest. When as many frames wait as the configuration's Queue says, Overflow decides: the
// connection is closed and the error is ErrQueueFull, always so for event streams, whose clients reconnect and say what they saw last; or a frame is dropped, this one
// or older ones, and the error is ErrDropped. After the end it is ErrClosed. 0 allocations.
func (o *outbox) Post(f *Frame) error {
	if f == nil {
		return errNilFrame
	}
	o.mu.Lock()
	if o.crowded() && !o.writing { // they only gather
		o.writing = true
		o.tryFlush()
		o.mu.Lock()
	}
	if o.err != nil {
		defer o.mu.Unlock()
		return o.err
	}
	var lost error
	if o.full() {
		var room bool
		if room, lost = o.makeRoom(); !room {
			o.mu.Unlock()
			if lost == ErrQueueFull {
				o.self.tooSlow()
			}
			return lost
		}
	}
	b := o.bytesOf(f)
	if len(o.queue) == 0 && o.bufLen()+len(b) < gatherBytes && !(o.writing && o.overflow == DropOldest) {
		buf := o.tail(len(b))
		buf.B = append(buf.B, b...)
		o.posted++
	} else {
		o.queue = append(o.queue, f)
	}
	if o.writing || o.gathering {
		o.mu.Unlock()
		return lost
	}
	if t := now(); t-o.wrote < moment(gatherTime) || !o.app.flusher.grant(t) {
		o.gather()
		o.mu.Unlock()
		return lost
	}
	o.writing = true
	o.tryFlush()
	return lost
}

var errNilFrame = errors.New("quart: a nil frame was posted")

// makeRoom drops what Overflow says, and returns the error that says so. It reports whether the posted frame is to be queued.
func (o *outbox) makeRoom() (room bool, err error) {
	switch o.overflow {
	case DropOldest:
		for o.crowded() && o.dropFirst() {
		}
		if !o.crowded() {
			return true, ErrDropped
		}
	case DropNewest:
	default:
		return false, ErrQueueFull
	}
	o.dropped++
	return false, ErrDropped
}

// dropFirst drops the posted frame that waits longest. It reports false if there is none.
func (o *outbox) dropFirst() bool {
	i := slices.IndexFunc(o.queue, func(f *Frame) bool { return f.raw == nil }) // what Send and Write were given is owed
	if i < 0 {
		return false
	}
	o.queue = slices.Delete(o.queue, i, i+1)
	o.dropped++
	o.caughtUp(1)
	return true
}

// Methods below are called with mu held.

// crowded reports whether as many frames wait as may wait for a slow client.
func (o *outbox) crowded() bool { return o.most > 0 && o.waiting() >= int(o.most) }

// waiting is the number of frames that were posted and not written.
func (o *outbox) waiting() int { return int(o.posted-o.raws) + len(o.queue) }

// full reports whether the client is too slow for what is posted: what crowded the queue has waited for patience. One that takes a burst well
// needs time for it, too, and until then more may wait.
func (o *outbox) full() bool {
	if !o.crowded() {
		return false
	}
	if o.lagSince == 0 {
		o.lagSince, o.lagging = now(), int32(o.waiting())
	}
	return since(o.lagSince) > patience || o.waiting() >= burstFactor*int(o.most)
}

// caughtUp notes that n posted frames wait no longer.
func (o *outbox) caughtUp(n int32) {
	if o.lagSince == 0 {
		return
	}
	if o.lagging -= n; o.lagging <= 0 {
		o.lagSince = 0
	}
}
