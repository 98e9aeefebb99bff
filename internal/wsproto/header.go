package wsproto

import "encoding/binary"

// header is that of a frame from a client.
type header struct {
	n       int64 // of the payload
	key     uint32
	size    int
	op      Opcode
	fin     bool
	deflate bool
}

// header parses and checks the header at the start of b. It reports false as long as
// more input is needed, and when the header is wrong: then d has failed, as early as
// the bytes at hand show it.
func (d *Decoder) header(h *header, b []byte) bool {
	if len(b) < 2 || !d.checkFlags(b[0], b[1]) {
		return false
	}
	h.op, h.fin, h.deflate = Opcode(b[0]&0x0f), b[0]&bitFin != 0, b[0]&bitRSV1 != 0
	h.n, h.size = int64(b[1]&0x7f), 6
	if h.n > MaxControl {
		if !d.longHeader(h, b) {
			return false
		}
	} else if len(b) >= h.size {
		h.key = binary.LittleEndian.Uint32(b[2:])
	}
	return (h.op >= OpClose || d.checkLimit(h)) && len(b) >= h.size
}

// longHeader reads the length of a header that has one of 16 or 64 bits, and the key
// if it is there. Lengths that fewer bits could hold are refused: section 5.2 of
// RFC 6455 demands the shortest form, and no client is known that does otherwise.
func (d *Decoder) longHeader(h *header, b []byte) bool {
	least := uint64(126)
	n, size := uint64(0), 4
	if h.n == 127 {
		least, size = 1<<16, 10
	}
	if len(b) < size {
		return false
	}
	if size == 4 {
		n = uint64(binary.BigEndian.Uint16(b[2:]))
	} else {
		n = binary.BigEndian.Uint64(b[2:])
	}
	if n < least || n>>63 != 0 {
		d.protocolError("payload length in a wrong form")
		return false
	}
	h.n, h.size = int64(n), size+4
	if len(b) >= h.size {
		h.key = binary.LittleEndian.Uint32(b[size:])
	}
	return true
}

// checkFlags checks the first two bytes of a frame against RFC 6455, sections 5.1,
// 5.2, 5.4 and 5.5, and RFC 7692, section 6.
func (d *Decoder) checkFlags(b0, b1 byte) bool {
	op := Opcode(b0 & 0x0f)
	switch {
	case b1&bitMask == 0:
		d.protocolError("frame without a mask")
	case op > OpBinary && op < OpClose || op > OpPong:
		d.protocolError("reserved opcode")
	case b0&bitRSV23 != 0:
		d.protocolError("reserved bit set")
	case b0&bitRSV1 != 0 && (!d.params.Deflate || op != OpText && op != OpBinary):
		d.protocolError("compression where there is none")
	case op >= OpClose && b0&bitFin == 0:
		d.protocolError("fragmented control frame")
	case op >= OpClose && b1&0x7f > MaxControl:
		d.protocolError("control frame over 125 bytes")
	case op == OpContinuation && d.op == 0:
		d.protocolError("continuation of nothing")
	case op != OpContinuation && op < OpClose && d.op != 0:
		d.protocolError("new message within a fragmented one")
	default:
		return true
	}
	return false
}

// checkLimit fails when the message with this frame is larger than the limit by what
// the headers declare. A compressed message has more room on the wire: DEFLATE makes
// no byte longer than 9 bits, and a few blocks cost a little.
func (d *Decoder) checkLimit(h *header) bool {
	if d.limit <= 0 {
		return true
	}
	room, have := d.limit, int64(0)
	if d.op != 0 {
		have = int64(d.end - d.start)
	}
	if h.deflate || d.op != 0 && d.deflate {
		room += room/8 + 256
	}
	if h.n > room-have {
		d.fail(CodeTooBig, "message over the limit")
		return false
	}
	return true
}

// frameSize returns the size of the frame at the start of b, with its header, or -1
// if b does not tell. It checks nothing.
func frameSize(b []byte) int64 {
	if len(b) < 2 {
		return -1
	}
	head := int64(2)
	if b[1]&bitMask != 0 {
		head += 4
	}
	switch n := b[1] & 0x7f; {
	case n <= 125:
		return head + int64(n)
	case n == 126 && len(b) >= 4:
		return head + 2 + int64(binary.BigEndian.Uint16(b[2:]))
	case n == 127 && len(b) >= 10:
		return int64(min(binary.BigEndian.Uint64(b[2:]), 1<<62)) + head + 8
	}
	return -1
}
