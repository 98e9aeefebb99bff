package wire

import (
	"encoding/binary"
	"math/bits"
)

// HeadFault says why the head of a request is refused. The zero value, HeadOK,
// says that it is not.
type HeadFault uint8

// The faults that CheckHead finds.
const (
	HeadOK           HeadFault = iota
	FaultNameSpace             // space or tab in a field name or before its colon
	FaultName                  // another byte that no token has, no name, no colon
	FaultFold                  // a line that begins with space or tab
	FaultLineEnd               // LF without CR, CR without LF, no line end, or bytes after the empty line
	FaultValue                 // a control byte other than tab in a value
	FaultHost                  // Host is not a host with an optional port; userinfo
	FaultHostTwice             // more than one Host
	FaultLength                // Content-Length is not a number, or there are two
	FaultEncoding              // Transfer-Encoding is not chunked alone, or there are two
	FaultBothLengths           // Content-Length and Transfer-Encoding
	FaultFields                // more fields than allowed
	FaultExpect                // Expect is not 100-continue
)

var faultText = [...]string{
	HeadOK:           "the request head is well-formed",
	FaultNameSpace:   "a field name has a space",
	FaultName:        "a field name is missing or has a forbidden character",
	FaultFold:        "a field is folded over several lines",
	FaultLineEnd:     "a line does not end in CR and LF",
	FaultValue:       "a field value has a control character",
	FaultHost:        "the Host field is not a host and an optional port",
	FaultHostTwice:   "there is more than one Host field",
	FaultLength:      "the Content-Length field is not one number",
	FaultEncoding:    "the Transfer-Encoding field is not chunked alone",
	FaultBothLengths: "there are both a Content-Length and a Transfer-Encoding field",
	FaultFields:      "there are too many fields",
	FaultExpect:      "the Expect field is not 100-continue",
}

// String returns a sentence without capital and full stop that tells nothing of
// the server and may be shown to the client.
func (f HeadFault) String() string {
	if int(f) < len(faultText) {
		return faultText[f]
	}
	return "the request head is malformed"
}

// Status returns the status code that answers the fault: 400, 417 or 431, and 0
// for HeadOK. After 400 and 431 the connection cannot be trusted to be in step
// and is closed.
func (f HeadFault) Status() int {
	switch f {
	case HeadOK:
		return 0
	case FaultFields:
		return 431
	case FaultExpect:
		return 417
	}
	return 400
}

// HeadFlags says what CheckHead met on its way. It is complete when the fault is
// HeadOK or FaultExpect.
type HeadFlags uint8

// The fields that CheckHead reports.
const (
	HeadHost     HeadFlags = 1 << iota // Host, without which HTTP/1.1 is a 400 (RFC 9112, 3.2)
	HeadLength                         // Content-Length
	HeadEncoding                       // Transfer-Encoding: chunked
	HeadContinue                       // Expect: 100-continue
)

// CheckHead checks the field lines of a request head as they came over the wire
// (RFC 9112, 5 and 6): each line with its CRLF, then the empty line, without the
// request line. An empty raw is a head without fields, and valid.
//
// It stops at the first fault. FaultExpect comes last: it is returned only if
// nothing else is wrong. More than maxFields fields are FaultFields.
func CheckHead(raw []byte, maxFields int) (HeadFlags, HeadFault) {
	var flags HeadFlags
	var late HeadFault
	start, fields := 0, 0
	if n := hostLine(raw); n > 0 && maxFields > 0 {
		start, fields, flags = n, 1, HeadHost
	}
	for ; start < len(raw) && raw[start] != '\r'; fields++ {
		colon := nameEnd(raw, start)
		if colon == start || colon == len(raw) || raw[colon] != ':' {
			return flags, nameFault(raw, start, colon)
		}
		if fields >= maxFields {
			return flags, FaultFields
		}
		end := valueEnd(raw, colon+1)
		if end+1 >= len(raw) || raw[end] != '\r' || raw[end+1] != '\n' {
			return flags, lineFault(raw, end)
		}
		// perf: length and initial tell most names apart (BenchmarkCheckHead).
		if n := colon - start; n < len(initials) && initials[n] == raw[start]|0x20 {
			flag, fault := special(raw[start:colon], raw[colon+1:end], flags)
			if fault == FaultExpect {
				late = fault
			} else if fault != HeadOK {
				return flags, fault
			}
			flags |= flag
		}
		start = end + 2
	}
	if start < len(raw) && (start+2 != len(raw) || raw[start+1] != '\n') {
		return flags, FaultLineEnd
	}
	return flags, late
}

// hostLine returns the length of the first line if that is a Host field with a
// plain name or IPv4 address and perhaps a port. 0 sends the line the long way.
func hostLine(raw []byte) int {
	// perf: nearly every client sends Host first, a load generator nothing else,
	// and these bytes need no other check (BenchmarkCheckHead/wrk).
	const from = len("Host: ")
	if len(raw) < from || binary.LittleEndian.Uint32(raw)|0x20202020 != 'h'|'o'<<8|'s'<<16|'t'<<24 || raw[4] != ':' || raw[5] != ' ' {
		return 0
	}
	i := plainEnd(raw, from)
	if i > from && i < len(raw) && raw[i] == ':' {
		for i++; i < len(raw) && raw[i]-'0' <= 9; i++ {
		}
	}
	if i+1 < len(raw) && raw[i] == '\r' && raw[i+1] == '\n' {
		return i + 2
	}
	return 0
}

// initials has the first letter of the special fields by the length of the name.
var initials = [...]byte{
	len("Host"):              'h',
	len("Expect"):            'e',
	len("Content-Length"):    'c',
	len("Transfer-Encoding"): 't',
}

// nameEnd returns the index of the first byte at or behind i that no token has,
// or len(raw).
func nameEnd(raw []byte, i int) int {
	if i < 0 {
		return 0 // never: it proves the loads below to be in bounds
	}
	for ; i < len(raw)-7; i += 8 {
		// perf: eight bytes at a time (BenchmarkCheckHead).
		hit := notPlain(binary.LittleEndian.Uint64(raw[i:]))
		if hit == 0 {
			continue
		}
		for j := i + bits.TrailingZeros64(hit)>>3; j < i+8; j++ {
			if class[raw[j]]&tchar == 0 {
				return j
			}
		}
	}
	for i < len(raw) && class[raw[i]]&tchar != 0 {
		i++
	}
	return i
}

// plainEnd skips bytes of a host name from i on. It can stop early, at one that is
// no letter, digit, '-' or '.'.
func plainEnd(raw []byte, i int) int {
	if i < 0 {
		return 0 // never, as above
	}
	for ; i < len(raw)-7; i += 8 {
		if hit := notPlain(binary.LittleEndian.Uint64(raw[i:])); hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
	}
	for i < len(raw) && class[raw[i]]&regName != 0 {
		i++
	}
	return i
}

// valueEnd returns the index of the first control byte at or behind i that is no
// tab, or len(raw).
func valueEnd(raw []byte, i int) int {
	if i < 0 {
		return 0 // never, as above
	}
	for ; i < len(raw)-7; i += 8 {
		// perf: eight bytes at a time (BenchmarkCheckHead).
		hit := controls(binary.LittleEndian.Uint64(raw[i:]))
		if hit == 0 {
			continue
		}
		for j := i + bits.TrailingZeros64(hit)>>3; j < i+8; j++ {
			if isControl(raw[j]) {
				return j
			}
		}
	}
	for i < len(raw) && !isControl(raw[i]) {
		i++
	}
	return i
}

// isControl reports whether a field value must not have c.
func isControl(c byte) bool { return c < 0x20 && c != '\t' || c == 0x7f }

// lineFault says why the line whose value ends at end does not end in CRLF.
func lineFault(raw []byte, end int) HeadFault {
	if end < len(raw) && raw[end] != '\r' && raw[end] != '\n' {
		return FaultValue
	}
	return FaultLineEnd
}

// nameFault says why raw[start:end] is no name of a field or has no colon.
func nameFault(raw []byte, start, end int) HeadFault {
	if end == len(raw) {
		return FaultName
	}
	switch c := raw[end]; {
	case isOWS(c) && end == start:
		return FaultFold
	case isOWS(c):
		return FaultNameSpace
	case c == '\n' && end == start:
		return FaultLineEnd
	}
	return FaultName
}

// special checks the few fields that decide where a message ends and whom it is
// for. seen are the flags of the fields above; it returns the flag of this one.
func special(name, value []byte, seen HeadFlags) (HeadFlags, HeadFault) {
	switch {
	case equalFold(name, "host"):
		return hostField(trim(value), seen)
	case equalFold(name, "expect"):
		return expectField(trim(value))
	case equalFold(name, "content-length"):
		return lengthField(trim(value), seen)
	case equalFold(name, "transfer-encoding"):
		return encodingField(trim(value), seen)
	}
	return 0, HeadOK
}

func hostField(value []byte, seen HeadFlags) (HeadFlags, HeadFault) {
	if seen&HeadHost != 0 {
		return 0, FaultHostTwice
	}
	if !ValidHost(value) {
		return 0, FaultHost
	}
	return HeadHost, HeadOK
}

func expectField(value []byte) (HeadFlags, HeadFault) {
	if !equalFold(value, "100-continue") {
		return 0, FaultExpect
	}
	return HeadContinue, HeadOK
}

func lengthField(value []byte, seen HeadFlags) (HeadFlags, HeadFault) {
	if seen&HeadEncoding != 0 {
		return 0, FaultBothLengths
	}
	if seen&HeadLength != 0 || !isDigits(value) {
		return 0, FaultLength
	}
	return HeadLength, HeadOK
}

func encodingField(value []byte, seen HeadFlags) (HeadFlags, HeadFault) {
	if seen&HeadLength != 0 {
		return 0, FaultBothLengths
	}
	if seen&HeadEncoding != 0 || !equalFold(value, "chunked") {
		return 0, FaultEncoding
	}
	return HeadEncoding, HeadOK
}

// ValidHost reports whether b is uri-host [ ":" port ] (RFC 9110, 7.2). It may
// be empty, for targets without an authority. Zone identifiers are refused: they
// have no meaning off the client's machine.
// ValidHost reports whether b is a host with an optional port (RFC 3986, section 3.2), as Host has it.
func ValidHost(b []byte) bool {
	i := 0
	if len(b) > 0 && b[0] == '[' {
		for i = 1; i < len(b) && (class[b[i]]&hexDigit != 0 || b[i] == ':' || b[i] == '.'); i++ {
		}
		if i < len("[::") || i == len(b) || b[i] != ']' {
			return false
		}
		i++
	} else {
		for i < len(b) && (class[b[i]]&regName != 0 || isEscape(b[i:])) {
			i++
		}
	}
	if i == len(b) {
		return true
	}
	return b[i] == ':' && i > 0 && (i+1 == len(b) || isDigits(b[i+1:]))
}

func isDigits(b []byte) bool {
	for _, c := range b {
		if c-'0' > 9 {
			return false
		}
	}
	return len(b) > 0
}

// CheckTarget reports whether a request target has no control byte, space, '#'
// or '%' without two hexadecimal digits. Bytes from 0x80 on pass: clients send
// raw UTF-8, and it means the same as its escapes. An empty target does not pass.
// escaped tells whether there is anything to decode.
func CheckTarget(target []byte) (escaped, ok bool) {
	for i := 0; i < len(target); {
		// perf: eight bytes at a time (BenchmarkCheckTarget).
		if len(target)-i >= 8 {
			hit := notTarget(binary.LittleEndian.Uint64(target[i:]))
			if hit == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(hit) >> 3
		}
		if class[target[i]]&targetChar != 0 {
			i++
			continue
		}
		if !isEscape(target[i:]) {
			return escaped, false
		}
		escaped = true
		i += 3
	}
	return escaped, len(target) > 0
}
