package quarttest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goquart/quart"
)

// maxEvent is the size of an event, in bytes, beyond which the stream is taken for endless.
const maxEvent = 16 << 20

// eventDecoder interprets a stream of server-sent events as browsers do (WHATWG HTML, "Interpreting an event stream"). Its input may come
// in any pieces; an event is there as soon as the line end of its blank line is.
type eventDecoder struct {
	events   []quart.Event // not taken yet
	comments []string
	lastID   string        // the last event ID string
	retry    time.Duration // the reconnection time, 0 while the stream has set none

	line    []byte // so far
	begun   bool   // the first line is over
	afterCR bool   // LF would belong to the line end before
	id      string // the last event ID buffer
	data    []byte // the data buffer: each line and LF
	event   quart.Event
}

func (d *eventDecoder) write(p []byte) error {
	for len(p) > 0 {
		if d.afterCR && p[0] == '\n' {
			p = p[1:]
		}
		d.afterCR = false
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			d.line = append(d.line, p...)
			break
		}
		d.line = append(d.line, p[:i]...)
		d.afterCR = p[i] == '\r'
		d.endLine()
		p = p[i+1:]
	}
	if len(d.line)+len(d.data) > maxEvent {
		return fmt.Errorf("an event of over %d bytes", maxEvent)
	}
	return nil
}

func (d *eventDecoder) endLine() {
	line := d.line
	d.line = d.line[:0]
	if !d.begun {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
		d.begun = true
	}
	if len(line) == 0 {
		d.dispatch()
		return
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "":
		d.comments = append(d.comments, decoded(value))
	case "event":
		d.event.Name = decoded(value)
	case "data":
		d.data = append(append(d.data, value...), '\n')
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			d.id = decoded(value)
			d.event.ID = d.id
		}
	case "retry":
		d.setRetry(string(value))
	}
}

// setRetry takes digits only; ParseUint knows nothing else in base 10.
func (d *eventDecoder) setRetry(value string) {
	ms, err := strconv.ParseUint(value, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return
	}
	ms = min(ms, math.MaxInt64/uint64(time.Millisecond))
	d.retry = time.Duration(ms) * time.Millisecond
	d.event.Retry = d.retry
}

// dispatch ends a block. Without data it is no event, but its id counts.
func (d *eventDecoder) dispatch() {
	d.lastID = d.id
	if n := len(d.data); n > 0 {
		d.event.Data = decoded(d.data[:n-1])
		d.events = append(d.events, d.event)
	}
	d.event = quart.Event{}
	d.data = d.data[:0]
}

// unfinished reports whether the input ended within a block. Browsers drop what there was of it.
func (d *eventDecoder) unfinished() bool {
	return len(d.line) > 0 || len(d.data) > 0 || d.event != quart.Event{} || d.id != d.lastID
}

// decoded returns b with the bytes that are no UTF-8 replaced.
func decoded(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return strings.Map(func(r rune) rune { return r }, string(b)) // an invalid byte is U+FFFD to Map
}
