package quarttest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// frameType is that of RFC 9113, section 6.
type frameType byte

const (
	frameData         frameType = 0x0
	frameHeaders      frameType = 0x1
	framePriority     frameType = 0x2
	frameReset        frameType = 0x3
	frameSettings     frameType = 0x4
	framePush         frameType = 0x5
	framePing         frameType = 0x6
	frameGoAway       frameType = 0x7
	frameWindow       frameType = 0x8
	frameContinuation frameType = 0x9
)

const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

const (
	settingTableSize     = 0x1
	settingPush          = 0x2
	settingStreams       = 0x3
	settingWindow        = 0x4
	settingFrameSize     = 0x5
	settingHeaderList    = 0x6
	settingConnect       = 0x8 // RFC 8441, section 3
	preface              = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	frameHeaderSize      = 9
	maxFrame             = 16 << 10 // bytes of a frame's payload that the client takes
	defaultWindow        = 64<<10 - 1
	maxWindow            = 1<<31 - 1
	maxHeaderListSetting = maxHead
)

// errorCode is that of RFC 9113, section 7.
type errorCode uint32

const (
	codeNone        errorCode = 0x0
	codeProtocol    errorCode = 0x1
	codeFlowControl errorCode = 0x3
	codeClosed      errorCode = 0x5
	codeFrameSize   errorCode = 0x6
	codeRefused     errorCode = 0x7
	codeCancel      errorCode = 0x8
	codeCompression errorCode = 0x9
)

var codeNames = [...]string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
	"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

func (code errorCode) String() string {
	if int(code) < len(codeNames) {
		return codeNames[code]
	}
	return fmt.Sprintf("error code %#x", uint32(code))
}

// brokenRule is what the app does against RFC 9113, for which the connection ends.
type brokenRule struct {
	code errorCode
	text string
}

func (e *brokenRule) Error() string { return "the app breaks HTTP/2: " + e.text }

func broken(code errorCode, format string, args ...any) error {
	return &brokenRule{code, fmt.Sprintf(format, args...)}
}

// frame is one as it was received. Its payload is the reader's own until the next one.
type frame struct {
	kind    frameType
	flags   byte
	stream  uint32
	payload []byte
}

func (f *frame) has(flag byte) bool { return f.flags&flag != 0 }

func (f *frame) number() uint32 { return binary.BigEndian.Uint32(f.payload) & maxWindow }

// readFrame reads a frame into buf, whose length is the most that a payload may have.
func readFrame(r *bufio.Reader, buf []byte) (f frame, err error) {
	var head [frameHeaderSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return f, err
	}
	size := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	f = frame{frameType(head[3]), head[4], binary.BigEndian.Uint32(head[5:]) & maxWindow, nil}
	if size > len(buf) {
		return f, broken(codeFrameSize, "a frame of %d bytes", size)
	}
	f.payload = buf[:size]
	_, err = io.ReadFull(r, f.payload)
	return f, unexpected(err)
}

// unpad takes the padding off, and the priority of a HEADERS frame (RFC 9113, sections 6.1 and 6.2).
func (f *frame) unpad() error {
	pad := 0
	if f.has(flagPadded) {
		if len(f.payload) == 0 {
			return broken(codeFrameSize, "a padded frame without the length of its padding")
		}
		pad, f.payload = int(f.payload[0]), f.payload[1:]
	}
	if f.kind == frameHeaders && f.has(flagPriority) {
		if len(f.payload) < 5 {
			return broken(codeFrameSize, "HEADERS with a cut priority")
		}
		f.payload = f.payload[5:]
	}
	if pad > len(f.payload) {
		return broken(codeProtocol, "padding of %d bytes in a frame with %d left", pad, len(f.payload))
	}
	f.payload = f.payload[:len(f.payload)-pad]
	return nil
}

func appendFrame(b []byte, kind frameType, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	b = append(b, byte(n>>16), byte(n>>8), byte(n), byte(kind), flags)
	b = binary.BigEndian.AppendUint32(b, stream)
	return append(b, payload...)
}

// appendNumber appends a frame whose payload is one number: WINDOW_UPDATE, RST_STREAM.
func appendNumber(b []byte, kind frameType, stream, number uint32) []byte {
	var payload [4]byte
	binary.BigEndian.PutUint32(payload[:], number)
	return appendFrame(b, kind, 0, stream, payload[:])
}

// appendBlock appends a header block, in as many frames as it takes.
func appendBlock(b []byte, flags byte, stream uint32, block []byte, frameSize int) []byte {
	kind := frameHeaders
	for {
		piece := block[:min(len(block), frameSize)]
		if block = block[len(piece):]; len(block) == 0 {
			return appendFrame(b, kind, flags|flagEndHeaders, stream, piece)
		}
		b = appendFrame(b, kind, flags, stream, piece)
		kind, flags = frameContinuation, 0
	}
}

func appendSettings(b []byte, settings ...[2]uint32) []byte {
	var payload []byte
	for _, s := range settings {
		payload = binary.BigEndian.AppendUint16(payload, uint16(s[0]))
		payload = binary.BigEndian.AppendUint32(payload, s[1])
	}
	return appendFrame(b, frameSettings, 0, 0, payload)
}
