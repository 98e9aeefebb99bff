package http2

import "encoding/binary"

// frameType is the type of a frame (RFC 9113, section 6; RFC 9218, section 7.1).
type frameType uint8

const (
	frameData           frameType = 0x0
	frameHeaders        frameType = 0x1
	framePriority       frameType = 0x2
	frameRSTStream      frameType = 0x3
	frameSettings       frameType = 0x4
	framePushPromise    frameType = 0x5
	framePing           frameType = 0x6
	frameGoAway         frameType = 0x7
	frameWindowUpdate   frameType = 0x8
	frameContinuation   frameType = 0x9
	framePriorityUpdate frameType = 0x10
)

const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

const (
	frameHeaderLen = 9
	maxFrame       = 16 << 10 // of ours, and the most that we take: SETTINGS_MAX_FRAME_SIZE stays at its default
	maxWindow      = 1<<31 - 1
	maxStreamID    = 1<<31 - 1
)

// preface is what a client sends first (RFC 9113, section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// frame is one that was read. Its payload is a part of the read buffer.
type frame struct {
	typ     frameType
	flags   uint8
	stream  uint32
	payload []byte
}

func (f *frame) has(flag uint8) bool { return f.flags&flag != 0 }

// parseFrameHeader reads the nine bytes in front of a payload of n bytes.
func parseFrameHeader(b []byte) (f frame, n int) {
	n = int(b[0])<<16 | int(b[1])<<8 | int(b[2])
	return frame{typ: frameType(b[3]), flags: b[4], stream: binary.BigEndian.Uint32(b[5:]) & maxStreamID}, n
}

// unpad takes the padding of DATA and HEADERS off the payload (RFC 9113, section 6.1).
func (f *frame) unpad() bool {
	if !f.has(flagPadded) {
		return true
	}
	if len(f.payload) == 0 || int(f.payload[0]) >= len(f.payload) {
		return false
	}
	f.payload = f.payload[1 : len(f.payload)-int(f.payload[0])]
	return true
}

func appendFrameHeader(b []byte, n int, typ frameType, flags uint8, stream uint32) []byte {
	return append(b, byte(n>>16), byte(n>>8), byte(n), byte(typ), flags, byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

func putFrameHeader(b []byte, n int, typ frameType, flags uint8, stream uint32) {
	appendFrameHeader(b[:0], n, typ, flags, stream)
}

func appendRSTStream(b []byte, stream uint32, code ErrCode) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHeader(b, 4, frameRSTStream, 0, stream), uint32(code))
}

func appendWindowUpdate(b []byte, stream, n uint32) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHeader(b, 4, frameWindowUpdate, 0, stream), n)
}

func appendPing(b []byte, flags uint8, data []byte) []byte {
	return append(appendFrameHeader(b, 8, framePing, flags, 0), data...)
}

func appendGoAway(b []byte, last uint32, code ErrCode, debug string) []byte {
	b = appendFrameHeader(b, 8+len(debug), frameGoAway, 0, 0)
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, last), uint32(code))
	return append(b, debug...)
}

// appendHeaderFrames turns a header block, which stands in b behind room for a frame header from start on, into one HEADERS or PUSH_PROMISE frame and as
// many CONTINUATION frames as it needs.
func appendHeaderFrames(b []byte, start int, typ frameType, flags uint8, stream uint32) []byte {
	block := len(b) - start - frameHeaderLen
	if block <= maxFrame {
		putFrameHeader(b[start:], block, typ, flags|flagEndHeaders, stream)
		return b
	}
	rest := append([]byte(nil), b[start+frameHeaderLen+maxFrame:]...)
	putFrameHeader(b[start:], maxFrame, typ, flags, stream)
	b = b[:start+frameHeaderLen+maxFrame]
	for len(rest) > 0 {
		n := min(len(rest), maxFrame)
		end := uint8(0)
		if n == len(rest) {
			end = flagEndHeaders
		}
		b = append(appendFrameHeader(b, n, frameContinuation, end, stream), rest[:n]...)
		rest = rest[n:]
	}
	return b
}
