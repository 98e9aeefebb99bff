package batch

import "sync/atomic"

// The states of a call that waits.
const (
	queued uint32 = iota // in the queue; guarded by Batch.mu
	taken                // belongs to a worker, which will answer
	done                 // answered: the caller takes out, err and the cell
	gone                 // the caller has left: the worker takes the cell
)

// A call is the cell of one Do that waits. Of its caller and its worker, the
// one that leaves taken first says who puts the cell back.
type call[In, Out any] struct {
	in    In
	out   Out
	err   error
	ready chan struct{} // of capacity 1: the answer is there
	state atomic.Uint32

	// Guarded by Batch.mu.
	prev, next *call[In, Out]
	worker     *worker[In, Out] // from taken on
	running    bool             // counts in worker.live
}

func (c *call[In, Out]) reset() {
	var in In
	var out Out
	c.in, c.out, c.err = in, out, nil // keep nothing of the caller's alive
	c.state.Store(queued)
}

// A queue is a list of calls, first in first out, from which any one can leave.
type queue[In, Out any] struct {
	head, tail *call[In, Out]
	len        int
}

func (q *queue[In, Out]) push(c *call[In, Out]) {
	c.prev = q.tail
	if q.tail == nil {
		q.head = c
	} else {
		q.tail.next = c
	}
	q.tail = c
	q.len++
}

func (q *queue[In, Out]) remove(c *call[In, Out]) {
	if c.prev == nil {
		q.head = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		q.tail = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
	q.len--
}
