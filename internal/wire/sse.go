package wire

import (
	"strconv"
	"strings"
	"time"

	"github.com/goquart/quart/internal/bytesconv"
)

// MaxEventID is the longest id of an event, in bytes. A client sends it back in
// the Last-Event-ID field: one that overflows the server's limit of a head is
// answered with 431, and then a browser does not come back.
const MaxEventID = 1024

// maxRetry is the longest reconnection time in milliseconds, 24.8 days. Clients
// in JavaScript wait with setTimeout, which takes more for nothing.
const maxRetry = 1<<31 - 1

// ValidEventID reports whether s can be an event's id: at most MaxEventID bytes
// of printable ASCII without a space at either end. That is what every client
// keeps and what comes back unchanged in a header field: browsers ignore an id
// with NUL, encode others each in their own way, and some clients never reconnect
// after one that is no ASCII. The empty string is valid: it stands for no id.
func ValidEventID(s string) bool {
	if s == "" {
		return true
	}
	if len(s) > MaxEventID || s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// ValidEventName reports whether s can be an event's name: anything without CR
// and LF. The empty string is valid: clients call the event "message".
func ValidEventName(s string) bool {
	return strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\r') < 0
}

// AppendEvent appends a server-sent event (WHATWG HTML, "Server-sent events") that
// clients dispatch, be its data empty. The fields id, event and retry are left out
// when id or name is empty or retry is not positive; retry counts in whole
// milliseconds, rounded up, at most 24.8 days. If id or name is not valid, ok is
// false and dst is returned as it was.
//
// Each line of data becomes a field of its own, and the client puts LF between
// them: CR LF and CR arrive as LF, every other byte as it is, a final line end
// included. Clients decode the stream as UTF-8 and replace what is none by U+FFFD,
// in name as well.
func AppendEvent(dst []byte, id, name, data string, retry time.Duration) (event []byte, ok bool) {
	if !ValidEventID(id) || !ValidEventName(name) {
		return dst, false
	}
	if id != "" {
		dst = appendLine(dst, "id: ", id)
	}
	if name != "" {
		dst = appendLine(dst, "event: ", name)
	}
	if retry > 0 {
		dst = appendRetry(dst, retry)
	}
	dst = appendLines(dst, "data: ", data)
	return append(dst, '\n'), true
}

// AppendEventBytes is AppendEvent for data that is not a string. It does not keep
// data.
func AppendEventBytes(dst []byte, id, name string, data []byte, retry time.Duration) (event []byte, ok bool) {
	return AppendEvent(dst, id, name, bytesconv.String(data), retry) // read only
}

// AppendRetry appends a reconnection time without an event: clients note it and
// dispatch nothing. A retry that is not positive appends nothing.
func AppendRetry(dst []byte, retry time.Duration) []byte {
	if retry <= 0 {
		return dst
	}
	return append(appendRetry(dst, retry), '\n')
}

// AppendComment appends text as a comment, which clients ignore: a heartbeat, or a
// note for who watches the wire. Each line of it becomes one of its own. It may
// stand before an event or alone, and an empty one is two bytes long.
func AppendComment(dst []byte, text string) []byte {
	if text == "" {
		return append(dst, ":\n"...)
	}
	return appendLines(dst, ": ", text)
}

func appendRetry(dst []byte, retry time.Duration) []byte {
	ms := int64(retry / time.Millisecond)
	if retry%time.Millisecond > 0 {
		ms++ // 0 would be a client that comes back at once
	}
	dst = append(dst, "retry: "...)
	return append(strconv.AppendInt(dst, min(ms, maxRetry), 10), '\n')
}

// appendLines appends the lines of text, each behind field. The space in field is
// what clients remove, so that one in the text stays.
//
// perf: the next CR and the next LF are each looked for once, so that no text is
// scanned more than twice (BenchmarkAppendEvent).
func appendLines(dst []byte, field, text string) []byte {
	start, cr, lf := 0, indexFrom(text, '\r', 0), indexFrom(text, '\n', 0)
	for min(cr, lf) < len(text) {
		end := min(cr, lf)
		dst = appendLine(dst, field, text[start:end])
		start = end + 1
		if end == cr {
			if strings.HasPrefix(text[start:], "\n") {
				start++ // CR LF is one end
			}
			cr = indexFrom(text, '\r', start)
		}
		if lf < start {
			lf = indexFrom(text, '\n', start)
		}
	}
	return appendLine(dst, field, text[start:])
}

func appendLine(dst []byte, field, line string) []byte {
	return append(append(append(dst, field...), line...), '\n')
}

// indexFrom returns the index in s of the first c at from or behind it, len(s) if
// there is none.
func indexFrom(s string, c byte, from int) int {
	if i := strings.IndexByte(s[from:], c); i >= 0 {
		return from + i
	}
	return len(s)
}
