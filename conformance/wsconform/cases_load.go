package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"strings"
	"time"
)

var deflateCount = 1000 // messages in each case of the sections 12 and 13

// limit adds a case with a large message.
func limit(id, desc string, closeAfter time.Duration, op byte, p string, send func(c *client, p []byte)) {
	add(&testCase{id: id, desc: desc, byMe: true, codes: []int{1000}, clean: true, closeAfter: closeAfter, run: func(c *client, k *testCase) {
		k.ok = []event{{"message", []byte(p), op == opBinary}}
		send(c, []byte(p))
	}})
}

// Sections 9.1 to 9.6 and 10: large messages, whole, in fragments and in small writes.
func addLimits() {
	patterns := map[byte]string{opText: "BAsd7&jh23", opBinary: "\x00\xfe\x23\xfa\xf0"}
	for op := byte(opText); op <= opBinary; op++ {
		for i, n := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20} {
			add(&testCase{
				id: fmt.Sprintf("9.%d.%d", op, i+1), desc: fmt.Sprintf("opcode %d, %d bytes", op, n),
				byMe: true, codes: []int{1000}, clean: true, closeAfter: 30 * time.Second,
				run: func(c *client, k *testCase) {
					p := []byte(fill(patterns[op], n)) // made here: 60 MB would be kept otherwise
					k.ok = []event{{"message", p, op == opBinary}}
					c.message(op, p, 0, 0)
				},
			})
		}
		for i, n := range []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20} {
			limit(fmt.Sprintf("9.%d.%d", op+2, i+1), fmt.Sprintf("opcode %d, 4M in fragments of %d", op, n), time.Minute, op, fourMega, func(c *client, p []byte) {
				c.message(op, p, n, 0)
			})
		}
		for i, n := range []int{64, 128, 256, 512, 1024, 2048} {
			limit(fmt.Sprintf("9.%d.%d", op+4, i+1), fmt.Sprintf("opcode %d, 1M in writes of %d", op, n), time.Minute, op, oneMega, func(c *client, p []byte) {
				c.raw(frame(op, true, 0, p), n)
			})
		}
	}
	fragmented := fill("*", 65536)
	echo("10.1.1", "64K in fragments of 1300", []event{text(fragmented)}, 10*time.Second, 0, func(c *client, _ *testCase) {
		c.message(opText, []byte(fragmented), 1300, 0)
	})
}

var (
	fourMega = fill("*", 4<<20)
	oneMega  = fill("BAsd7&jh23", 1<<20)
)

// Sections 9.7 and 9.8: round trips.
func addRoundTrips() {
	for op := byte(opText); op <= opBinary; op++ {
		for i, n := range []int{0, 16, 64, 256, 1024, 4096} {
			p := bytes.Repeat([]byte("*"), n)
			trips(&testCase{id: fmt.Sprintf("9.%d.%d", op+6, i+1), desc: fmt.Sprintf("opcode %d, 1000 round trips of %d bytes", op, n)}, func() int { return 1000 }, op, 0,
				func(int) []byte { return p })
		}
	}
}

// Sections 12 and 13: permessage-deflate, by text and by offer.
func addDeflate() {
	const base = "permessage-deflate; client_no_context_takeover; client_max_window_bits"
	const noTakeover = base + "; server_no_context_takeover"
	offers := []string{
		base, noTakeover, base + "; server_max_window_bits=9", base + "; server_max_window_bits=15",
		noTakeover + "; server_max_window_bits=9", noTakeover + "; server_max_window_bits=15",
		noTakeover + "; server_max_window_bits=9, " + noTakeover + ", " + base,
	}
	texts := corpora()
	for i, text := range texts {
		op := byte(opBinary)
		if i == 0 || i == 3 {
			op = opText
		}
		addDeflateSizes(fmt.Sprint("12.", i+1), text, op, base)
	}
	for i, offer := range offers {
		addDeflateSizes(fmt.Sprint("13.", i+1), texts[0], opText, offer)
	}
}

func addDeflateSizes(id string, text []byte, op byte, offer string) {
	sizes := [][2]int{
		{16},
		{64},
		{256},
		{1024},
		{4096},
		{8192},
		{16384},
		{32768},
		{65536},
		{131072},
		{8192, 256},
		{16384, 256},
		{32768, 256},
		{65536, 256},
		{131072, 256},
		{131072, 1024},
		{131072, 4096},
		{131072, 32768},
	}
	for i, s := range sizes {
		size, fragment := s[0], s[1]
		k := &testCase{
			id: fmt.Sprintf("%s.%d", id, i+1), offers: offer,
			desc: fmt.Sprintf("deflate, opcode %d, %d bytes, fragments of %d, offer %q", op, size, fragment, offer),
		}
		trips(k, func() int { return deflateCount }, op, fragment, func(i int) []byte {
			begin := i * size % len(text)
			end := begin + size
			if end <= len(text) {
				return text[begin:end]
			}
			return append(append([]byte(nil), text[begin:]...), text[:end-len(text)]...)
		})
	}
}

// trips completes a case that sends messages one by one, each after the echo of the one before.
func trips(k *testCase, count func() int, op byte, fragment int, message func(i int) []byte) {
	k.byMe, k.codes, k.clean, k.suppress, k.paced, k.closeAfter = true, []int{1000}, true, true, true, time.Minute
	k.run = func(c *client, k *testCase) {
		k.ok = []event{{kind: "done"}}
		timeout := time.NewTimer(time.Minute)
		defer timeout.Stop()
		for i := range count() {
			if !c.trip(op, fragment, message(i), timeout.C) {
				return
			}
		}
		c.events <- event{kind: "done"}
		c.sendClose(1000)
	}
	add(k)
}

// trip sends a message and waits for its echo.
func (c *client) trip(op byte, fragment int, p []byte, timeout <-chan time.Time) bool {
	if c.deflate.on {
		c.message(op, c.compress(p), fragment, 4)
	} else {
		c.message(op, p, fragment, 0)
	}
	select {
	case e := <-c.events:
		if same([]event{e}, []event{{"message", p, op == opBinary}}) {
			return true
		}
		c.events <- e
		c.sendClose(1000)
	case <-c.closed:
	case <-timeout:
		c.events <- event{kind: "timeout"}
	}
	return false
}

const vocabulary = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua " +
	"Faust Gretchen Mephistopheles Nacht Tag und nicht der die das ist ein zwei drei quart film review actor"

// corpora stand for the five files of Autobahn: JSON, a picture, prose, HTML and noise.
func corpora() [][]byte {
	r := rand.New(rand.NewSource(7692))
	words := strings.Fields(vocabulary)
	word := func() string { return words[r.Intn(len(words))] }
	var json, html, prose bytes.Buffer
	for i := 0; json.Len() < 1<<18; i++ {
		fmt.Fprintf(&json, "{\"id\":%d,\"name\":\"%s %s\",\"rating\":%.2f,\"tags\":[\"%s\",\"%s\"]},\n", i, word(), word(), r.Float64()*5, word(), word())
		fmt.Fprintf(&html, "<div class=\"%s\"><a href=\"/films/%d\">%s %s</a></div>\n", word(), i, word(), word())
		for range 9 {
			prose.WriteString(word() + " ")
		}
		prose.WriteByte('\n')
	}
	picture, noise := make([]byte, 512*512), make([]byte, 1<<18)
	for i := range picture {
		picture[i] = byte(128 + 60*(i%512)/512 + r.Intn(9) - (i/512)/8)
	}
	for i := range noise {
		noise[i] = byte(r.Intn(256))
	}
	return [][]byte{json.Bytes(), picture, prose.Bytes(), html.Bytes(), noise}
}
