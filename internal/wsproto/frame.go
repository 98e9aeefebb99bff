package wsproto

import (
	"encoding/binary"
	"unicode/utf8"
)

// Opcode says what a frame is (RFC 6455, section 5.2).
type Opcode uint8

// The opcodes of RFC 6455. Others are reserved. From OpClose on they are control
// frames, which are never fragmented and may come between fragments.
const (
	OpContinuation Opcode = 0x0
	OpText         Opcode = 0x1
	OpBinary       Opcode = 0x2
	OpClose        Opcode = 0x8
	OpPing         Opcode = 0x9
	OpPong         Opcode = 0xA
)

// Close codes of RFC 6455, section 7.4.1, as far as this package has to do with
// them.
const (
	CodeProtocolError  = 1002
	CodeNoStatus       = 1005 // stands for a close frame without a code, never sent
	CodeInvalidPayload = 1007
	CodeTooBig         = 1009
)

const (
	// MaxControl is how much a control frame can carry, in bytes.
	MaxControl = 125

	// MaxReason is the longest reason of a close frame, in bytes.
	MaxReason = MaxControl - 2

	// MaxHeader is the longest header of a frame to a client, in bytes.
	MaxHeader = 10

	bitFin, bitRSV1, bitRSV23, bitMask = 0x80, 0x40, 0x30, 0x80
)

// AppendHeader appends the header of an unfragmented, unmasked frame with n bytes
// of payload. compressed sets RSV1: the payload is that of [AppendDeflated] or of a
// [Deflater] (RFC 7692, section 6).
func AppendHeader(dst []byte, op Opcode, compressed bool, n int) []byte {
	first := bitFin | byte(op)
	if compressed {
		first |= bitRSV1
	}
	switch {
	case n <= 125:
		return append(dst, first, byte(n))
	case n <= 0xffff:
		return append(dst, first, 126, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(n))
}

// AppendFrame appends an unfragmented, unmasked, uncompressed frame. The payload of
// a control frame must not be longer than [MaxControl], that of a text must be
// valid UTF-8; neither is checked.
func AppendFrame[T string | []byte](dst []byte, op Opcode, payload T) []byte {
	return append(AppendHeader(dst, op, false, len(payload)), payload...)
}

// AppendClose appends a close frame. Code 0 or 1005 is a frame without code and
// reason. Of reason everything is kept that fits [MaxReason] bytes, cut between
// characters; what is no UTF-8 becomes U+FFFD. It allocates nothing.
func AppendClose(dst []byte, code int, reason string) []byte {
	if code == 0 || code == CodeNoStatus {
		return append(dst, bitFin|byte(OpClose), 0)
	}
	head := len(dst)
	dst = append(dst, bitFin|byte(OpClose), 0, byte(code>>8), byte(code))
	for _, r := range reason {
		if len(dst)-head-4+utf8.RuneLen(r) > MaxReason {
			break
		}
		dst = utf8.AppendRune(dst, r)
	}
	dst[head+1] = byte(len(dst) - head - 2)
	return dst
}

// ValidCloseCode reports whether code may stand in a close frame, of either side:
// 1000 to 1003 and 1007 to 1014, which are registered, 3000 to 3999 for registered
// protocols and 4000 to 4999 for private use. The other ones of RFC 6455, section
// 7.4.1, only stand for what happened.
func ValidCloseCode(code int) bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014:
		return true
	}
	return code >= 3000 && code <= 4999
}
