package http2

import (
	"sync"
	"time"
)

// workers is the pool of goroutines that run handlers and write what the reader left to be written.
//
// What is to be done stands in one queue. A worker that is done with a task takes the next one itself, and only before it begins one while more is waiting it wakes another: handlers that do not
// wait are run by few goroutines without a switch between them, and every one that waits has already woken who goes on.
//
// perf: waking a worker for each stream costs a switch for each (bench/http2, "get").
type workers struct {
	mu     sync.Mutex
	queue  []task // from next on
	next   int
	idle   []*worker // the last one was busy last
	waking bool      // a worker was woken and has not begun
	total  int
	closed bool
}

// task is a stream whose handler is to run, or a connection whose frames are to be written.
type task struct {
	s *Stream
	c *conn
}

type worker struct {
	wake  chan bool // false: end
	since time.Time
}

// idleWorker is how long a worker without work is kept.
const idleWorker = 10 * time.Second

func (w *workers) submit(streams []*Stream) {
	if len(streams) == 0 {
		return
	}
	w.mu.Lock()
	for _, s := range streams {
		w.queue = append(w.queue, task{s, s.c})
	}
	w.wakeOne()
}

func (w *workers) submitFlush(c *conn) {
	w.mu.Lock()
	w.queue = append(w.queue, task{nil, c})
	w.wakeOne()
}

// wakeOne wakes a worker, or starts one, unless one is about to begin. It releases mu.
func (w *workers) wakeOne() {
	if w.waking {
		w.mu.Unlock()
		return
	}
	w.waking = true
	if n := len(w.idle); n > 0 {
		first := w.idle[n-1]
		w.idle[n-1] = nil
		w.idle = w.idle[:n-1]
		w.mu.Unlock()
		first.wake <- true
		return
	}
	w.total++
	w.mu.Unlock()
	go w.run(&worker{wake: make(chan bool, 1)})
}

// run is the goroutine of a worker. One that a handler ends (runtime.Goexit) is replaced.
func (w *workers) run(self *worker) {
	var t task
	defer func() {
		w.mu.Lock()
		w.total--
		w.mu.Unlock()
		if t.s != nil {
			t.c.abandon(t.s)
		}
	}()
	woken := true
	for {
		w.mu.Lock()
		if woken {
			w.waking, woken = false, false
		}
		if w.next == len(w.queue) {
			if !w.park(self) {
				return
			}
			woken = true
			continue
		}
		t = w.queue[w.next]
		w.queue[w.next] = task{}
		if w.next++; w.next == len(w.queue) {
			w.queue, w.next = w.queue[:0], 0
			w.mu.Unlock()
		} else {
			w.wakeOne()
		}
		if t.s != nil {
			t.c.handle(t.s)
		} else {
			t.c.flush(-1)
		}
		t = task{}
	}
}

// park waits for work. It reports false when there is none any more. mu is held, and released.
func (w *workers) park(self *worker) bool {
	if w.closed {
		w.mu.Unlock()
		return false
	}
	self.since = time.Now()
	w.idle = append(w.idle, self)
	w.mu.Unlock()
	return <-self.wake
}

// trim ends workers that had nothing to do for a while. It reports whether any is left.
func (w *workers) trim() bool {
	w.mu.Lock()
	n := 0
	for n < len(w.idle) && (w.closed || time.Since(w.idle[n].since) > idleWorker) {
		w.idle[n].wake <- false
		n++
	}
	if n > 0 {
		rest := copy(w.idle, w.idle[n:])
		clear(w.idle[rest:])
		w.idle = w.idle[:rest]
	}
	left := w.total - n
	w.mu.Unlock()
	return left > 0
}

// close lets workers end when their work is done.
func (w *workers) close(yes bool) {
	w.mu.Lock()
	w.closed = yes
	w.mu.Unlock()
	if yes {
		w.trim()
	}
}

// abandon ends a stream whose handler ended its goroutine.
func (c *conn) abandon(s *Stream) {
	if s.handling {
		c.handlers.Add(-1)
	}
	c.lock()
	s.shared = true // who knows who has it
	s.ctx = nil
	c.resumeWaiting()
	c.resetStream(s, InternalError)
	c.release(s)
	c.unlockFlush()
}
