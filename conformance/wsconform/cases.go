package main

import (
	"fmt"
	"strings"
	"time"
)

// testCase says what is sent and what has to come back.
type testCase struct {
	id, desc   string
	offers     string // of extensions
	run        func(c *client, k *testCase)
	ok         []event
	nonStrict  []event // passes, too, if lenient
	lenient    bool
	byMe       bool          // this end begins the closing handshake, or cuts the connection
	suppress   bool          // run begins it
	codes      []int         // that the server's close frame may have
	clean      bool          // both close frames are due
	endFatal   bool          // the wrong end ending the connection fails the case
	codeFatal  bool          // a wrong code does
	info       bool          // nothing does
	paced      bool          // run waits for the echo of each message
	kill       time.Duration // after which the connection is cut
	closeAfter time.Duration // after which the closing handshake begins
}

var all []*testCase

func init() {
	addFraming()
	addPings()
	addReservedBits()
	addOpcodes()
	addFragments()
	addText()
	addInvalidText()
	addUTF8()
	addClosing()
	addCodes()
	addLimits()
	addRoundTrips()
	addDeflate()
}

func add(k *testCase) *testCase {
	all = append(all, k)
	return k
}

// echo adds a case in which the server answers with want, and the connection is then closed with 1000.
func echo(id, desc string, want []event, kill, closeAfter time.Duration, run func(c *client, k *testCase)) {
	add(&testCase{id: id, desc: desc, ok: want, byMe: true, codes: []int{1000}, clean: true, kill: kill, closeAfter: closeAfter, run: run})
}

// fail adds a case in which the server ends the connection, with code if it sends a close frame.
func fail(id, desc string, code int, run func(c *client, k *testCase)) *testCase {
	return add(&testCase{id: id, desc: desc, codes: []int{code}, kill: time.Second, run: run})
}

func (k *testCase) or(behavior ...event) { k.lenient, k.nonStrict = true, behavior }

func text(p string) event { return event{kind: "message", data: []byte(p)} }

func pong(p string) event { return event{kind: "pong", data: []byte(p)} }

// fill repeats s up to n bytes.
func fill(s string, n int) string { return strings.Repeat(s, n/len(s)+1)[:n] }

const hello = "Hello, world!"

// Section 1: lengths.
func addFraming() {
	sizes := []int{0, 125, 126, 127, 128, 65535, 65536, 65536}
	for op := byte(opText); op <= opBinary; op++ {
		for i, n := range sizes {
			p, chop, kill := strings.Repeat(map[byte]string{opText: "*", opBinary: "\xfe"}[op], n), 0, time.Second
			if n >= 65535 {
				kill = 10 * time.Second
			}
			if i == len(sizes)-1 {
				chop = 997
			}
			want := []event{{"message", []byte(p), op == opBinary}}
			echo(fmt.Sprintf("1.%d.%d", op, i+1), fmt.Sprintf("opcode %d, %d bytes, writes of %d", op, n, chop), want, kill, 0,
				func(c *client, _ *testCase) { c.raw(frame(op, true, 0, []byte(p)), chop) })
		}
	}
}

// Section 2: pings and pongs.
func addPings() {
	ping := func(id, desc, p string, chop int, closeAfter time.Duration) {
		echo(id, desc, []event{pong(p)}, 0, closeAfter, func(c *client, _ *testCase) { c.raw(frame(opPing, true, 0, []byte(p)), chop) })
	}
	ping("2.1", "ping, empty", "", 0, time.Second)
	ping("2.2", "ping, text", hello, 0, time.Second)
	ping("2.3", "ping, binary", "\x00\xff\xfe\xfd\xfc\xfb\x00\xff", 0, time.Second)
	ping("2.4", "ping, 125 bytes", fill("\xfe", 125), 0, time.Second)
	fail("2.5", "ping, 126 bytes", 1002, func(c *client, _ *testCase) { c.send(opPing, true, fill("\xfe", 126)) })
	ping("2.6", "ping, 125 bytes in writes of 1", fill("\xfe", 125), 1, 2*time.Second)
	for i, p := range []string{"", "unsolicited pong payload"} {
		echo(fmt.Sprint("2.", 7+i), "pong that nobody asked for: nothing comes back", nil, 0, time.Second, func(c *client, _ *testCase) {
			c.send(opPong, true, p)
			c.sendClose(1000)
		})
	}
	echo("2.9", "pong that nobody asked for, then ping", []event{pong("ping payload")}, 0, time.Second, func(c *client, _ *testCase) {
		c.send(opPong, true, "unsolicited pong payload")
		c.send(opPing, true, "ping payload")
	})
	for chop := range 2 {
		var want []event
		for j := range 10 {
			want = append(want, pong(fmt.Sprint("payload-", j)))
		}
		echo(fmt.Sprint("2.", 10+chop), "10 pings", want, 0, 3*time.Second, func(c *client, _ *testCase) {
			for _, e := range want {
				c.raw(frame(opPing, true, 0, e.data), chop)
			}
		})
	}
}

// Section 3: reserved bits.
func addReservedBits() {
	fail("3.1", "text with RSV 1", 1002, func(c *client, _ *testCase) { c.sendReserved(opText, 1, hello, 0) })
	for i := range 3 {
		rsv, chop := byte(i+2), max(i-1, 0)
		k := fail(fmt.Sprint("3.", i+2), fmt.Sprintf("text, text with RSV %d, ping", rsv), 1002, func(c *client, _ *testCase) {
			c.sendReserved(opText, 0, hello, chop)
			c.sendReserved(opText, rsv, hello, chop)
			c.sendReserved(opPing, 0, "", chop)
		})
		k.ok = []event{text(hello)}
		k.or()
	}
	fail("3.5", "binary with RSV 5", 1002, func(c *client, _ *testCase) { c.sendReserved(opBinary, 5, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff", 0) })
	fail("3.6", "ping with RSV 6", 1002, func(c *client, _ *testCase) { c.sendReserved(opPing, 6, hello, 0) })
	fail("3.7", "close with RSV 7", 1002, func(c *client, _ *testCase) { c.sendReserved(opClose, 7, "", 0) })
}

// Section 4: reserved opcodes.
func addOpcodes() {
	for s, base := range []byte{3, 11} {
		for i, p := range []string{"", "reserved opcode payload", "", hello, hello} {
			op, chop := base+byte(i), max(i-3, 0)
			k := fail(fmt.Sprintf("4.%d.%d", s+1, i+1), fmt.Sprintf("reserved opcode %d", op), 1002, func(c *client, _ *testCase) {
				if i < 2 {
					c.sendReserved(op, 0, p, chop)
					return
				}
				c.sendReserved(opText, 0, hello, chop)
				c.sendReserved(op, 0, p, chop)
				c.sendReserved(opPing, 0, "", chop)
			})
			if i >= 2 {
				k.ok = []event{text(hello)}
				k.or()
			}
		}
	}
}

// part is a frame of a fragmented message.
type part struct {
	op  byte
	fin bool
	p   string
}

// The ways to send frames.
const (
	together = iota // in one write
	apart           // in a write each
	bytewise        // in writes of one byte
)

func (c *client) sendParts(way int, parts ...part) {
	var b []byte
	for _, f := range parts {
		x := frame(f.op, f.fin, 0, []byte(f.p))
		if way == apart {
			c.raw(x, 0)
			time.Sleep(2 * time.Millisecond)
		}
		b = append(b, x...)
	}
	switch way {
	case together:
		c.raw(b, 0)
	case bytewise:
		c.raw(b, 1)
	}
}

// Section 5: fragments.
func addFragments() {
	first, second := part{opText, false, "fragment1"}, part{opContinuation, true, "fragment2"}
	both := []event{text("fragment1fragment2")}
	for i, op := range []byte{opPing, opPong} {
		fail(fmt.Sprint("5.", 1+i), "fragmented control frame", 1002, func(c *client, _ *testCase) {
			c.sendParts(together, part{op, false, "fragment1"}, second)
		})
	}
	for way := range 3 {
		echo(fmt.Sprint("5.", 3+way), "text in 2 fragments", both, 0, time.Second, func(c *client, _ *testCase) { c.sendParts(way, first, second) })
	}
	for way := range 3 {
		want := append([]event{pong("ping payload")}, both...)
		echo(fmt.Sprint("5.", 6+way), "text in 2 fragments, ping between", want, 0, time.Second, func(c *client, _ *testCase) {
			c.sendParts(way, first, part{opPing, true, "ping payload"}, second)
		})
	}
	for i := range 6 {
		fail(fmt.Sprint("5.", 9+i), "continuation of nothing", 1002, func(c *client, _ *testCase) {
			c.sendParts(i%3, part{opContinuation, i < 3, "non-continuation payload"}, part{opText, true, hello})
		})
	}
	k := fail("5.15", "fragmented text, then continuation of nothing", 1002, func(c *client, _ *testCase) {
		c.sendParts(together, first, second, part{opContinuation, false, "fragment3"}, part{opText, true, "fragment4"})
	})
	k.ok = both
	k.or()
	for i := range 2 {
		fail(fmt.Sprint("5.", 16+i), "continuation of nothing, fragmented text; twice", 1002, func(c *client, _ *testCase) {
			once := []part{{opContinuation, i == 1, "fragment1"}, {opText, false, "fragment2"}, {opContinuation, true, "fragment3"}}
			c.sendParts(together, append(once, once...)...)
		})
	}
	fail("5.18", "both fragments are of opcode text", 1002, func(c *client, _ *testCase) {
		c.sendParts(together, first, part{opText, true, "fragment2"})
	})
	for way := range 2 {
		want := []event{pong("pongme 1!"), pong("pongme 2!"), text("fragment1fragment2fragment3fragment4fragment5")}
		echo(fmt.Sprint("5.", 19+way), "5 fragments, 2 pings, a pause of 1 s", want, 0, time.Second, func(c *client, _ *testCase) {
			c.sendParts(way, first, part{opContinuation, false, "fragment2"}, part{opPing, true, "pongme 1!"})
			time.Sleep(time.Second)
			c.sendParts(way, part{opContinuation, false, "fragment3"}, part{opContinuation, false, "fragment4"}, part{opPing, true, "pongme 2!"},
				part{opContinuation, true, "fragment5"})
		})
	}
}
