package sockets_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart/conformance/internal/contract"
)

const mega = 1 << 20

// grows fails the test if the server has ever had that much more memory than before f. A first use of what f does comes before.
func grows(t *testing.T, s *contract.Server, most int, f func()) {
	t.Helper()
	before := memory(t, s, "VmHWM")
	f()
	if grown := memory(t, s, "VmHWM") - before; grown > most {
		t.Errorf("the server has grown by %d KiB, want at most %d", grown>>10, most>>10)
	}
}

// TestLengthsThatLie: a length that is announced costs nothing until the bytes come.
func TestLengthsThatLie(t *testing.T) {
	t.Parallel()
	s := contract.Start(t)
	echoes(t, s)
	const sockets = 200
	for name, head := range map[string]string{
		"plain":        length(fin|opBinary, 8, 16*mega),
		"a byte more":  length(fin|opText, 8, 16*mega) + "x",
		"a fragment":   length(opBinary, 8, 16*mega-1) + "x",
		"compressed":   length(fin|rsv1|opBinary, 8, 16*mega),
		"a later part": frame(opBinary, "x") + length(fin|opContinuation, 8, 16*mega-1),
	} {
		t.Run(name, func(t *testing.T) {
			grows(t, s, 16*mega, func() { // 80 KiB for each of them
				var open []*wire
				for range sockets {
					w := dial(t, s)
					w.upgrade("/ws", "Sec-WebSocket-Extensions: permessage-deflate")
					w.send(head)
					open = append(open, w)
				}
				echoes(t, s) // what was sent before has been read
				for _, w := range open {
					w.Close()
				}
			})
		})
	}
	eventually(t, patience, "all are gone", func() bool { return descriptors(t, s) < 20 })
}

// TestBombs: a message that inflates to more than the limit costs no more than the limit.
func TestBombs(t *testing.T) {
	t.Parallel()
	s := contract.Start(t)
	bomb := frame(fin|rsv1|opBinary, deflated(make([]byte, 2000*mega)))
	explode := func() {
		w := dial(t, s)
		w.upgrade("/ws", "Sec-WebSocket-Extensions: permessage-deflate")
		go func() { _, _ = w.Write([]byte(bomb)) }()
		w.wantClose(1009)
	}
	explode()
	grows(t, s, 64*mega, func() {
		for range 5 {
			explode()
		}
	})
	echoes(t, s)
}

// TestEmptyFragments: fragments without a byte do not gather.
func TestEmptyFragments(t *testing.T) {
	t.Parallel()
	s := contract.Start(t)
	w := dial(t, s)
	w.upgrade("/ws")
	w.send(frame(opText, "the "))
	nothing := strings.Repeat(frame(opContinuation, "")+frame(fin|opPong, ""), 10_000)
	w.send(nothing)
	grows(t, s, 4*mega, func() {
		for range 100 {
			w.send(nothing)
		}
		w.send(frame(fin|opContinuation, "end"))
		w.want(fin|opText, "the end")
	})
}

// TestPingFlood: a client that reads its pongs gets them all, in order.
func TestPingFlood(t *testing.T) {
	t.Parallel()
	s := contract.Start(t)
	w := dial(t, s)
	w.upgrade("/ws")
	const pings = 100_000
	go func() {
		for i := 0; i < pings; i += 100 {
			var b strings.Builder
			for j := range 100 {
				b.WriteString(frame(fin|opPing, fmt.Sprint(i+j)))
			}
			_, _ = io.WriteString(w.Conn, b.String())
		}
		_, _ = io.WriteString(w.Conn, closing(1000, ""))
	}()
	for i := range pings {
		w.want(fin|opPong, fmt.Sprint(i))
	}
	w.wantClose(1000)
}

// TestNeverReads: a client that sends and does not read is held up, does no harm to others, and is dropped within the write timeout.
func TestNeverReads(t *testing.T) {
	for name, flood := range map[string]string{
		"echoes": strings.Repeat(frame(fin|opBinary, strings.Repeat("x", 60_000)), 20),
		"pongs":  strings.Repeat(frame(fin|opPing, strings.Repeat("x", 125)), 10_000),
		"large":  frame(fin|opBinary, strings.Repeat("x", 8*mega)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := contract.Start(t)
			w := dial(t, s)
			_ = w.SetDeadline(time.Now().Add(3 * patience))
			_ = w.Conn.(*net.TCPConn).SetReadBuffer(16 << 10)
			w.upgrade("/ws")
			other := dial(t, s)
			other.upgrade("/ws")
			begun := time.Now()
			grows(t, s, 64*mega, func() {
				sent := 0
				for {
					n, err := io.WriteString(w.Conn, flood)
					sent += n
					if err != nil {
						if errors.Is(err, os.ErrDeadlineExceeded) {
							t.Errorf("still not dropped after %v", time.Since(begun))
						}
						break
					}
					if sent > 500*mega {
						t.Fatal("the server takes 500 MiB of a client that does not read")
					}
					other.send(text("are you there?"))
					other.want(fin|opText, "are you there?")
				}
			})
			_ = other.SetDeadline(time.Now().Add(patience))
			other.send(text("and now?"))
			other.want(fin|opText, "and now?")
		})
	}
}

// TestLeaving: however a client leaves, nothing of it stays.
func TestLeaving(t *testing.T) {
	t.Parallel()
	s := contract.Start(t)
	echoes(t, s)
	idle := descriptors(t, s)
	tests := map[string]func(w *wire){
		"close":            func(w *wire) { w.send(closing(1000, "")); w.wantClose(1000) },
		"FIN":              func(w *wire) { w.Close() },
		"RST":              func(w *wire) { _ = w.Conn.(*net.TCPConn).SetLinger(0); w.Close() },
		"FIN in a header":  func(w *wire) { w.send("\x81"); w.Close() },
		"RST in a message": func(w *wire) { w.send(frame(opText, "x") + "\x80"); _ = w.Conn.(*net.TCPConn).SetLinger(0); w.Close() },
		"half-close":       func(w *wire) { _ = w.Conn.(*net.TCPConn).CloseWrite(); w.wantEnd() },
		"half-close behind a message": func(w *wire) {
			w.send(text("last words"))
			_ = w.Conn.(*net.TCPConn).CloseWrite()
			w.want(fin|opText, "last words")
			w.wantEnd()
		},
		"violation":  func(w *wire) { w.send("\x81\x00"); w.wantClose(1002) },
		"half a 101": func(w *wire) { w.Close() },
	}
	for name, leave := range tests {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				w := dial(t, s)
				if name == "half a 101" {
					w.send(strings.TrimSuffix(handshake("/ws"), "\r\n\r\n"))
				} else {
					w.upgrade("/ws")
				}
				leave(w)
				w.Close()
			}
			eventually(t, patience, "the connections are closed", func() bool { return descriptors(t, s) <= idle })
		})
	}
}

// TestCloseFirst: a client that closes and then goes on sending does not get an answer to it, and is not waited for.
func TestCloseFirst(t *testing.T) {
	t.Parallel()
	s := contract.Start(t)
	w := dial(t, s)
	w.upgrade("/ws")
	w.send(closing(1000, ""))
	var sending sync.WaitGroup
	sending.Go(func() {
		for {
			if _, err := io.WriteString(w.Conn, text(strings.Repeat("late", 1000))); err != nil {
				return
			}
		}
	})
	w.wantClose(1000)
	sending.Wait()
	echoes(t, s)
}

// TestSlowLoris: a message may take its time, byte by byte, and many of them at once hold nobody up.
func TestSlowLoris(t *testing.T) {
	t.Parallel()
	s := contract.Start(t)
	message := text("slow but sure")
	var all sync.WaitGroup
	for range 100 {
		w := dial(t, s)
		w.upgrade("/ws")
		all.Go(func() {
			for i := range len(message) {
				time.Sleep(20 * time.Millisecond)
				if _, err := w.Write([]byte{message[i]}); err != nil {
					t.Error(err)
				}
			}
			if first, p, err := w.next(); first != fin|opText || string(p) != "slow but sure" || err != nil {
				t.Errorf("frame %#x %q, %v", first, p, err)
			}
		})
	}
	echoes(t, s)
	all.Wait()
}

// TestSlowHandshake: a head has its time, however often a byte comes.
func TestSlowHandshake(t *testing.T) {
	t.Parallel()
	w := dial(t, contract.Start(t))
	go func() {
		for _, c := range []byte(handshake("/ws")) { // 10 s of them
			if _, err := w.Write([]byte{c}); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	if r := w.answer(); r.status != 408 {
		t.Errorf("status %d, want 408", r.status)
	}
}

// TestStop: who is connected when the server stops is told so.
func TestStop(t *testing.T) {
	t.Parallel()
	s := contract.Start(t)
	plain, secure, busy := dial(t, s), dialTLS(t, s), dial(t, s)
	for _, w := range []*wire{plain, secure, busy} {
		w.upgrade("/ws")
	}
	busy.send(frame(opText, "a message that never"))
	var stopping sync.WaitGroup
	stopping.Go(s.Stop)
	for _, w := range []*wire{plain, secure, busy} {
		w.wantClose(1001)
	}
	stopping.Wait()
}
