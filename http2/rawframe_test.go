package http2_test

import (
	"encoding/binary"
	"time"

	"github.com/goquart/quart/http2"
)

// The frames, flags and settings of RFC 9113, section 6, and RFC 9218, section 7.1.
const (
	typeData           byte = 0x0
	typeHeaders        byte = 0x1
	typePriority       byte = 0x2
	typeRSTStream      byte = 0x3
	typeSettings       byte = 0x4
	typePushPromise    byte = 0x5
	typePing           byte = 0x6
	typeGoAway         byte = 0x7
	typeWindowUpdate   byte = 0x8
	typeContinuation   byte = 0x9
	typePriorityUpdate byte = 0x10
	typeUnknown        byte = 0xbe

	endStream  byte = 0x1
	ack        byte = 0x1
	endHeaders byte = 0x4
	padded     byte = 0x8
	priority   byte = 0x20

	setHeaderTable     = 0x1
	setEnablePush      = 0x2
	setMaxStreams      = 0x3
	setInitialWindow   = 0x4
	setMaxFrame        = 0x5
	setMaxHeaderList   = 0x6
	setExtendedConnect = 0x8
	setNoRFC7540       = 0x9
	setUnknown         = 0xbabe
	clientPreface      = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	defaultWindow      = 65_535
	biggestWindow      = 1<<31 - 1
	frameLimit         = 16 << 10
	patience           = 20 * time.Second // only what hangs takes so long
	hangTime           = 8 * time.Second  // less than the times after which the engine itself ends what hangs
	bodyKept           = 64 << 10         // bytes of a body that an answer keeps; of the rest it keeps the sum
	frameHeader        = 9
)

// frame returns one frame as it goes over the wire.
func frame(typ, flags byte, id uint32, payload ...byte) []byte {
	n := len(payload)
	b := make([]byte, frameHeader, frameHeader+n)
	b[0], b[1], b[2], b[3], b[4] = byte(n>>16), byte(n>>8), byte(n), typ, flags
	binary.BigEndian.PutUint32(b[5:], id)
	return append(b, payload...)
}

func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// settings returns a SETTINGS frame of identifiers and values, in turn.
func settings(pairs ...uint32) []byte {
	var b []byte
	for i := 0; i < len(pairs); i += 2 {
		b = binary.BigEndian.AppendUint16(b, uint16(pairs[i]))
		b = binary.BigEndian.AppendUint32(b, pairs[i+1])
	}
	return frame(typeSettings, 0, 0, b...)
}

func windowUpdate(id, n uint32) []byte { return frame(typeWindowUpdate, 0, id, u32(n)...) }

func rstStream(id uint32, code http2.ErrCode) []byte {
	return frame(typeRSTStream, 0, id, u32(uint32(code))...)
}

// headers returns HEADERS, and CONTINUATION where a frame is not enough.
func headers(id uint32, flags byte, block []byte) []byte {
	n := min(len(block), frameLimit)
	typ, out := typeHeaders, []byte(nil)
	for {
		if n == len(block) {
			flags |= endHeaders
		}
		out = append(out, frame(typ, flags, id, block[:n]...)...)
		block = block[n:]
		if len(block) == 0 {
			return out
		}
		n, typ, flags = min(len(block), frameLimit), typeContinuation, 0
	}
}

// request returns the fields of one, with more, names and values, behind.
func request(method, path string, more ...string) []string {
	return append([]string{":method", method, ":scheme", "http", ":authority", "example.com", ":path", path}, more...)
}
