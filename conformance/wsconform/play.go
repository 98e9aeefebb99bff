package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The verdicts, by Autobahn's names.
const (
	ok            = "OK"
	failed        = "FAILED"
	nonStrict     = "NON-STRICT"
	informational = "INFORMATIONAL"
	unimplemented = "UNIMPLEMENTED"
)

// result is the verdict of one case.
type result struct {
	ID, Desc  string
	Behavior  string // of what came back
	Close     string // of how the connection ended
	Violation string // of a rule for what a server sends, "" for none
	Note      string
	MS        int64
}

func (r result) passed() bool {
	return r.Violation == "" && r.Behavior != failed && (r.Close == ok || r.Close == informational)
}

func (r result) String() string {
	s := fmt.Sprintf("%-9s %-14s close=%-16s %6d ms  %s", r.ID, r.Behavior, r.Close, r.MS, r.Desc)
	if r.Violation != "" {
		s += "  VIOLATION: " + r.Violation
	}
	if r.Note != "" {
		s += "  [" + r.Note + "]"
	}
	return s
}

// session is a case that is being played.
type session struct {
	c       *client
	k       *testCase
	sent    chan struct{} // closed when the case has sent everything; nil once that is known
	got     []event
	timer   <-chan time.Time
	closing bool
}

// play runs one case, which is a copy.
func play(t target, k testCase) result {
	begun := time.Now()
	r := result{ID: k.id, Desc: k.desc, Behavior: failed, Close: failed}
	c, err := dial(t, k.offers)
	switch {
	case err != nil:
		r.Note = "handshake: " + err.Error()
	case k.offers != "" && !c.deflate.on:
		c.drop()
		r.Behavior, r.Close = unimplemented, ok
	default:
		s := &session{c: c, k: &k, sent: make(chan struct{})}
		s.follow()
		s.judge(&r)
	}
	r.MS = time.Since(begun).Milliseconds()
	return r
}

// follow plays the case until the connection has ended.
func (s *session) follow() {
	sent := s.sent
	go func() {
		s.k.run(s.c, s.k)
		close(sent)
	}()
	for open := true; open; {
		events := s.c.events
		if s.k.paced && s.sent != nil {
			events = nil // the case takes them itself
		}
		select {
		case e := <-events:
			s.got = append(s.got, e)
			s.closeWhenComplete()
		case <-s.sent:
			s.sent = nil
			s.timer = time.After(max(s.k.kill, s.k.closeAfter))
			s.closeWhenComplete()
		case <-s.timer:
			if s.k.kill > 0 || s.closing {
				s.c.drop()
			} else {
				s.close()
			}
		case <-s.c.closed:
			open = false
		}
	}
	<-sent
	for len(s.c.events) > 0 {
		s.got = append(s.got, <-s.c.events)
	}
}

// closeWhenComplete begins the closing handshake when all that the case waits for is there.
func (s *session) closeWhenComplete() {
	if s.sent == nil && s.k.byMe && !s.k.suppress && !s.closing && len(s.k.ok) > 0 && same(s.got, s.k.ok) {
		s.close()
	}
}

func (s *session) close() {
	s.closing = true
	s.c.sendClose(1000)
	s.timer = time.After(2 * time.Second)
}

func (s *session) judge(r *result) {
	c, k := s.c, s.k
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Violation = c.violation
	switch {
	case len(k.ok) == 1 && k.ok[0].kind == unimplemented:
		r.Behavior = unimplemented
	case same(s.got, k.ok):
		r.Behavior = ok
	case k.lenient && same(s.got, k.nonStrict):
		r.Behavior = nonStrict
	default:
		var b strings.Builder
		for _, e := range s.got[:min(len(s.got), 4)] {
			b.WriteString(" " + e.String())
		}
		r.Note = "got:" + b.String()
	}
	switch {
	case k.byMe != c.byMe:
		if k.endFatal {
			r.Behavior = failed
		}
	case k.clean && !(c.sentClose && c.gotClose):
		r.Close = "UNCLEAN"
	case c.closeCode >= 0 && !slices.Contains(k.codes, c.closeCode):
		r.Close = "WRONG CODE"
		r.Note += fmt.Sprint(" code ", c.closeCode)
		if k.codeFatal {
			r.Behavior = failed
		}
	case c.dropped:
		r.Close = "FAILED BY CLIENT"
	default:
		r.Close = ok
	}
	if k.info {
		r.Note = fmt.Sprintf("%s/%s code %d %s", r.Behavior, r.Close, c.closeCode, r.Note)
		r.Behavior, r.Close = informational, informational
	}
}

func same(a, b []event) bool {
	return slices.EqualFunc(a, b, func(x, y event) bool {
		return x.kind == y.kind && x.binary == y.binary && bytes.Equal(x.data, y.data)
	})
}
