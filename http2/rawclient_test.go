package http2_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/goquart/quart/http2"
)

// rawFrame is one frame that was read. Its payload lasts until the next.
type rawFrame struct {
	typ, flags byte
	id         uint32
	payload    []byte
}

func (f rawFrame) String() string {
	return fmt.Sprintf("type %#x flags %#x stream %d %.60q", f.typ, f.flags, f.id, f.payload)
}

// goaway is what a GOAWAY frame said.
type goaway struct {
	last  uint32
	code  http2.ErrCode
	debug string
}

// answer is what came of a response so far.
type answer struct {
	fields   []hpack.HeaderField
	info     [][]hpack.HeaderField // of 1xx responses
	trailers []hpack.HeaderField
	blocks   []int // bytes of the header blocks
	body     []byte
	size     int
	sum      uint32 // CRC-32C of the body
	data     []int  // bytes of each DATA frame
	ended    bool
	reset    bool
	code     http2.ErrCode
	promised []hpack.HeaderField // the request, if it is pushed
	parent   uint32
}

func (a *answer) status() string { return a.field(":status") }

// field returns the values of a field, joined by commas.
func (a *answer) field(name string) string { return fieldOf(a.fields, name) }

func fieldOf(fields []hpack.HeaderField, name string) string {
	var values []string
	for _, f := range fields {
		if f.Name == name {
			values = append(values, f.Value)
		}
	}
	return strings.Join(values, ",")
}

func (a *answer) String() string {
	end := "open"
	if a.reset {
		end = "reset " + a.code.String()
	} else if a.ended {
		end = "ended"
	}
	return fmt.Sprintf("%s %s, %d bytes %.80q", end, a.fields, a.size, a.body)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sumOf(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// client speaks HTTP/2 frame by frame. It believes nothing: frames that break the rules end the test.
type client struct {
	t     testing.TB
	nc    net.Conn
	br    *bufio.Reader
	enc   *hpack.Encoder
	coded bytes.Buffer
	dec   *hpack.Decoder
	buf   []byte

	stingy   bool // gives no window back
	eager    bool // gives it back frame by frame
	owed     map[uint32]int
	window   int  // SETTINGS_INITIAL_WINDOW_SIZE of ours
	silent   bool // acknowledges neither SETTINGS nor PING
	settings map[uint32]uint32
	acked    int // SETTINGS of ours
	pongs    []string
	pings    int // of the server
	lastPing [8]byte
	goaways  []goaway
	answers  map[uint32]*answer
	order    []uint32 // streams of the DATA frames, as they came
	connData int      // bytes of all DATA frames, with padding
	granted  map[uint32]int
	early    map[uint32][]uint32 // promises that came before the head of their parent
	lastPush uint32
	next     uint32
	block    []byte // of HEADERS or PUSH_PROMISE, until END_HEADERS
	blockOf  rawFrame
	err      error // why nothing more can be read
}

// newClient sends the preface and settings (identifiers and values, in turn).
func newClient(t testing.TB, nc net.Conn, pairs ...uint32) *client {
	t.Helper()
	c := readerOf(t, nc)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == setInitialWindow {
			c.window = int(pairs[i+1])
		}
	}
	c.send([]byte(clientPreface), settings(pairs...))
	return c
}

// readerOf returns a client that has sent nothing.
func readerOf(t testing.TB, nc net.Conn) *client {
	c := &client{
		t: t, nc: nc, br: bufio.NewReaderSize(nc, 32<<10), next: 1,
		settings: map[uint32]uint32{}, answers: map[uint32]*answer{}, granted: map[uint32]int{},
		owed: map[uint32]int{}, early: map[uint32][]uint32{}, window: defaultWindow,
	}
	c.enc = hpack.NewEncoder(&c.coded)
	c.dec = hpack.NewDecoder(4096, nil)
	_ = nc.SetDeadline(time.Now().Add(patience))
	return c
}

// send writes bytes.
func (c *client) send(parts ...[]byte) {
	c.t.Helper()
	if err := c.trySend(parts...); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

func (c *client) trySend(parts ...[]byte) error {
	_, err := c.nc.Write(bytes.Join(parts, nil))
	return err
}

// encode returns a header block of names and values, in turn.
func (c *client) encode(fields ...string) []byte {
	c.coded.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = c.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(c.coded.Bytes())
}

// open begins a stream with these fields; end: without a body.
func (c *client) open(end bool, fields ...string) uint32 {
	c.t.Helper()
	id := c.newID()
	flags := byte(0)
	if end {
		flags = endStream
	}
	c.send(headers(id, flags, c.encode(fields...)))
	return id
}

func (c *client) newID() uint32 {
	id := c.next
	c.next += 2
	return id
}

// get opens a GET and returns its stream.
func (c *client) get(path string, more ...string) uint32 {
	c.t.Helper()
	return c.open(true, request("GET", path, more...)...)
}

// data sends DATA frames, whether the windows allow it or not.
func (c *client) data(id uint32, end bool, body []byte) {
	c.t.Helper()
	for {
		n, flags := min(len(body), frameLimit), byte(0)
		if end && n == len(body) {
			flags = endStream
		}
		c.send(frame(typeData, flags, id, body[:n]...))
		c.granted[0] -= n
		c.granted[id] -= n
		if body = body[n:]; len(body) == 0 {
			return
		}
	}
}

// upload sends a body as the server's windows allow.
func (c *client) upload(id uint32, end bool, body []byte) {
	c.t.Helper()
	c.until("SETTINGS", func() bool { return len(c.settings) > 0 })
	for {
		room := func() int {
			return min(c.initialWindow()+c.granted[id], defaultWindow+c.granted[0], len(body), frameLimit)
		}
		c.until("window for a body", func() bool { return len(body) == 0 || room() > 0 || c.answer(id).reset || c.answer(id).ended })
		if a := c.answer(id); a.reset || a.ended {
			return
		}
		n := max(room(), 0)
		c.data(id, end && n == len(body), body[:n])
		if body = body[n:]; len(body) == 0 {
			return
		}
	}
}

func (c *client) initialWindow() int {
	if n, ok := c.settings[setInitialWindow]; ok {
		return int(n)
	}
	return defaultWindow
}

// post sends a request with a body.
func (c *client) post(path string, body []byte, more ...string) uint32 {
	c.t.Helper()
	id := c.open(false, request("POST", path, more...)...)
	c.upload(id, true, body)
	return id
}

func (c *client) answer(id uint32) *answer {
	a := c.answers[id]
	if a == nil {
		a = new(answer)
		c.answers[id] = a
	}
	return a
}

// read takes the next frame; what it means is in the client afterwards.
func (c *client) read() (rawFrame, error) {
	if c.err != nil {
		return rawFrame{}, c.err
	}
	f, err := c.readFrame()
	if err != nil {
		c.err = err
		return f, err
	}
	if err := c.take(f); err != nil {
		c.t.Fatalf("%v: %v", f, err)
	}
	return f, nil
}

func (c *client) readFrame() (rawFrame, error) {
	var head [frameHeader]byte
	if _, err := io.ReadFull(c.br, head[:]); err != nil {
		return rawFrame{}, err
	}
	n := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	if n > frameLimit {
		c.t.Fatalf("a frame of %d bytes", n)
	}
	if cap(c.buf) < n {
		c.buf = make([]byte, frameLimit)
	}
	f := rawFrame{typ: head[3], flags: head[4], id: binary.BigEndian.Uint32(head[5:]), payload: c.buf[:n]}
	_, err := io.ReadFull(c.br, f.payload)
	return f, err
}

func (c *client) take(f rawFrame) error {
	if c.block != nil && (f.typ != typeContinuation || f.id != c.blockOf.id) {
		return errors.New("within a header block")
	}
	switch f.typ {
	case typeSettings:
		return c.takeSettings(f)
	case typePing:
		return c.takePing(f)
	case typeGoAway:
		c.goaways = append(c.goaways, goaway{
			binary.BigEndian.Uint32(f.payload), http2.ErrCode(binary.BigEndian.Uint32(f.payload[4:])), string(f.payload[8:]),
		})
	case typeWindowUpdate:
		n := binary.BigEndian.Uint32(f.payload)
		if n == 0 || n > biggestWindow {
			return errors.New("a bad increment")
		}
		c.granted[f.id] += int(n)
	case typeRSTStream:
		a := c.answer(f.id)
		if a.reset {
			return errors.New("reset twice")
		}
		a.reset, a.code = true, http2.ErrCode(binary.BigEndian.Uint32(f.payload))
	case typeData:
		return c.takeData(f)
	case typeHeaders, typePushPromise:
		c.block, c.blockOf = append([]byte{}, f.payload...), f
		return c.takeBlock(f)
	case typeContinuation:
		if c.block == nil {
			return errors.New("outside of a header block")
		}
		c.block = append(c.block, f.payload...)
		return c.takeBlock(f)
	default:
		return errors.New("a frame that servers do not send")
	}
	return nil
}

func (c *client) takeSettings(f rawFrame) error {
	if f.id != 0 || len(f.payload)%6 != 0 {
		return errors.New("bad SETTINGS")
	}
	if f.flags&ack != 0 {
		c.acked++
		return nil
	}
	for p := f.payload; len(p) > 0; p = p[6:] {
		c.settings[uint32(binary.BigEndian.Uint16(p))] = binary.BigEndian.Uint32(p[2:])
	}
	if !c.silent {
		_ = c.trySend(frame(typeSettings, ack, 0))
	}
	return nil
}

func (c *client) takePing(f rawFrame) error {
	if f.id != 0 || len(f.payload) != 8 {
		return errors.New("bad PING")
	}
	if f.flags&ack != 0 {
		c.pongs = append(c.pongs, string(f.payload))
		return nil
	}
	c.pings++
	c.lastPing = [8]byte(f.payload)
	if !c.silent {
		_ = c.trySend(frame(typePing, ack, 0, f.payload...))
	}
	return nil
}

func (c *client) takeData(f rawFrame) error {
	a := c.answer(f.id)
	if a.fields == nil || a.ended || a.reset {
		return errors.New("DATA outside of a body")
	}
	if f.flags&padded != 0 {
		return errors.New("padded")
	}
	a.size += len(f.payload)
	a.sum = crc32.Update(a.sum, castagnoli, f.payload)
	a.data = append(a.data, len(f.payload))
	a.body = append(a.body, f.payload[:min(len(f.payload), max(0, bodyKept-len(a.body)))]...)
	a.ended = f.flags&endStream != 0
	c.connData += len(f.payload)
	c.order = append(c.order, f.id)
	if c.stingy || len(f.payload) == 0 {
		return nil
	}
	c.giveBack(0, len(f.payload), defaultWindow)
	if !a.ended {
		c.giveBack(f.id, len(f.payload), c.window)
	}
	return nil
}

// giveBack lets the server send n bytes more, when half of a window is used up.
func (c *client) giveBack(id uint32, n, window int) {
	c.owed[id] += n
	if c.eager || c.owed[id] >= window/2 {
		_ = c.trySend(windowUpdate(id, uint32(c.owed[id])))
		c.owed[id] = 0
	}
}

// takeBlock decodes a header block once it is whole.
func (c *client) takeBlock(f rawFrame) error {
	if f.flags&endHeaders == 0 {
		return nil
	}
	first, block := c.blockOf, c.block
	c.block = nil
	if first.flags&(padded|priority) != 0 {
		return errors.New("padding or priority, which servers have no use for")
	}
	id, size := first.id, len(block)
	if first.typ == typePushPromise {
		id = binary.BigEndian.Uint32(block)
		block = block[4:]
	}
	fields, err := c.dec.DecodeFull(block)
	if err != nil {
		return err
	}
	a := c.answer(id)
	if first.typ == typePushPromise {
		if id%2 != 0 || a.promised != nil {
			return fmt.Errorf("stream %d promised", id)
		}
		a.promised, a.parent, c.lastPush = fields, first.id, id
		if parent := c.answer(first.id); parent.fields == nil {
			c.early[first.id] = append(c.early[first.id], id)
		} else if parent.ended {
			return errors.New("promised on a stream that has ended")
		}
		return nil
	}
	a.blocks = append(a.blocks, size)
	return a.takeFields(fields, first.flags&endStream != 0)
}

func (a *answer) takeFields(fields []hpack.HeaderField, end bool) error {
	status := fieldOf(fields, ":status")
	switch {
	case a.ended || a.reset:
		return errors.New("HEADERS after the end")
	case a.fields != nil && (status != "" || !end):
		return errors.New("bad trailers")
	case a.fields != nil:
		a.trailers = fields
	case len(status) != 3:
		return fmt.Errorf("status %q", status)
	case status[0] == '1':
		if end {
			return errors.New("the end with a 1xx")
		}
		a.info = append(a.info, fields)
	default:
		a.fields = fields
	}
	a.ended = end
	return nil
}
