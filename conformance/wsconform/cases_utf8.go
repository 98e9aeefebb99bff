package main

import (
	"fmt"
	"strings"
	"time"
)

const (
	kosme = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5" // a Greek word of two- and three-byte characters

	surrogate = kosme + "\xed\xa0\x80edited"
	tooHigh   = kosme + "\xf4\x90\x80\x80edited"
)

// Sections 6.1 and 6.2: fragments of valid text.
func addText() {
	const middle = "middle frame payload"
	empty := part{opText, false, ""}
	echo("6.1.1", "empty text", []event{text("")}, 0, time.Second, func(c *client, _ *testCase) { c.send(opText, true, "") })
	echo("6.1.2", "3 empty fragments", []event{text("")}, 0, time.Second, func(c *client, _ *testCase) {
		c.sendParts(together, empty, part{opContinuation, false, ""}, part{opContinuation, true, ""})
	})
	echo("6.1.3", "empty fragment, payload, empty fragment", []event{text(middle)}, 0, time.Second, func(c *client, _ *testCase) {
		c.sendParts(together, empty, part{opContinuation, false, middle}, part{opContinuation, true, ""})
	})
	const u = "Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!"
	echo("6.2.1", "UTF-8 in one frame", []event{text(u)}, 0, time.Second, func(c *client, _ *testCase) { c.send(opText, true, u) })
	echo("6.2.2", "UTF-8 in 2 fragments, cut between characters", []event{text(u)}, 0, time.Second, func(c *client, _ *testCase) {
		cut := strings.Index(u, "\u00fc")
		c.sendParts(together, part{opText, false, u[:cut]}, part{opContinuation, true, u[cut:]})
	})
	for i, p := range []string{u, kosme} {
		echo(fmt.Sprint("6.2.", 3+i), "UTF-8 in fragments of 1", []event{text(p)}, 0, time.Second, func(c *client, _ *testCase) { c.message(opText, []byte(p), 1, 0) })
	}
}

// Sections 6.3 and 6.4: invalid text, and how soon it is refused.
func addInvalidText() {
	for i := range 2 {
		fail(fmt.Sprint("6.3.", i+1), "invalid UTF-8", 1007, func(c *client, _ *testCase) { c.message(opText, []byte(surrogate), i, 0) }).endFatal = true
	}
	early, late := event{kind: "timeout", data: []byte("A")}, event{kind: "timeout", data: []byte("B")}
	for i := range 4 {
		pieces := [3]string{kosme, "\xf4\x90\x80\x80", "edited"}
		if i%2 == 1 {
			pieces = [3]string{tooHigh[:12], tooHigh[12:13], tooHigh[13:]}
		}
		send := sendFragment
		if i >= 2 {
			send = sendPiece
		}
		k := fail(fmt.Sprint("6.4.", i+1), "invalid UTF-8 is refused when its first byte comes", 1007, func(c *client, _ *testCase) {
			send(c, pieces, 0)
			for j, note := range []event{early, late} {
				time.Sleep(time.Second)
				if !c.isOpen() {
					return
				}
				c.events <- note
				send(c, pieces, j+1)
			}
		})
		k.ok, k.endFatal = []event{early}, true
		k.or(early, late)
	}
}

// sendFragment sends the piece as a frame.
func sendFragment(c *client, pieces [3]string, i int) {
	op := byte(opContinuation)
	if i == 0 {
		op = opText
	}
	c.send(op, i == len(pieces)-1, pieces[i])
}

// sendPiece sends the piece as a part of the only frame.
func sendPiece(c *client, pieces [3]string, i int) {
	whole := frame(opText, true, 0, []byte(strings.Join(pieces[:], "")))
	begin, payload := 0, len(whole)-len(strings.Join(pieces[:], ""))
	end := payload + len(strings.Join(pieces[:i+1], ""))
	if i > 0 {
		begin = payload + len(strings.Join(pieces[:i], ""))
	}
	c.raw(whole[begin:end], 0)
}

// Sections 6.5 to 6.23: what is UTF-8 and what is not.
func addUTF8() {
	for i, group := range utf8Groups() {
		for j, s := range group {
			id := fmt.Sprintf("6.%d.%d", i+5, j+1)
			run := func(c *client, _ *testCase) { c.send(opText, true, s.p) }
			if s.valid {
				echo(id, fmt.Sprintf("valid UTF-8 %x", s.p), []event{text(s.p)}, time.Second/2, 0, run)
				continue
			}
			k := fail(id, fmt.Sprintf("invalid UTF-8 %x", s.p), 1007, run)
			k.endFatal, k.kill = true, time.Second/2
		}
	}
}

// sequence is a piece of text.
type sequence struct {
	valid bool
	p     string
}

func valid(pieces ...string) (group []sequence) {
	for _, p := range pieces {
		group = append(group, sequence{true, p})
	}
	return group
}

func invalid(pieces ...string) (group []sequence) {
	for _, p := range pieces {
		group = append(group, sequence{false, p})
	}
	return group
}

func utf8Groups() [][]sequence {
	lone := []string{"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80", "\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf"}
	return [][]sequence{
		valid("hello\x24world", "hello\xc2\xa2world", "hello\xe2\x82\xacworld", "hello\xf0\xa4\xad\xa2world", kosme),
		prefixes(),
		valid("\x00", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"), // the first of each length
		invalid("\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"),
		valid("\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"), // the last
		invalid("\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"),
		append(valid("\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf"), invalid("\xf4\x90\x80\x80")...),
		invalid("\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80", "\x80\xbf\x80\xbf\x80\xbf", span(0x80, 0xbe, "")),
		invalid(span(0xc0, 0xde, " "), span(0xe0, 0xee, " "), span(0xf0, 0xf6, " "), span(0xf8, 0xfa, " "), span(0xfc, 0xfc, " ")),
		invalid(lone...),
		invalid(strings.Join(lone, "")),
		invalid("\xfe", "\xff", "\xfe\xfe\xff\xff"),
		invalid("\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf"), // too long
		invalid("\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf"),
		invalid("\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80"),
		invalid("\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf"), // surrogates
		surrogatePairs(),
		valid(noncharacters()...),
		valid("\xef\xbf\xb9", "\xef\xbf\xba", "\xef\xbf\xbb", "\xef\xbf\xbc", "\xef\xbf\xbd", "\xef\xbf\xbe", "\xef\xbf\xbf"),
	}
}

// span returns the bytes from first to last, each with end after it.
func span(first, last byte, end string) string {
	var b strings.Builder
	for c := int(first); c <= int(last); c++ {
		b.WriteByte(byte(c))
		b.WriteString(end)
	}
	return b.String()
}

// prefixes are those of a word, some of which end within a character.
func prefixes() (group []sequence) {
	for n := 1; n <= len(kosme); n++ {
		whole := n == 2 || n == 5 || n == 7 || n == 9 || n == 11
		group = append(group, sequence{whole, kosme[:n]})
	}
	return group
}

func surrogatePairs() (group []sequence) {
	for _, high := range []string{"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf"} {
		group = append(group, invalid(high+"\xed\xb0\x80", high+"\xed\xbf\xbf")...)
	}
	return group
}

// noncharacters are the last two code points of each plane.
func noncharacters() []string {
	points := []string{"\xef\xbf\xbe", "\xef\xbf\xbf"}
	for plane := rune(1); plane <= 16; plane++ {
		points = append(points, string(plane<<16|0xfffe), string(plane<<16|0xffff))
	}
	return points
}
