package hub

import (
	"encoding/base64"
	"encoding/binary"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goquart/quart"
)

// kind is the first byte of what goes through the broker: the version of the format in its high half, the sort of message in the low one.
// Hubs leave out what they do not know, so that processes of two versions can share a broker while one takes the place of the other.
type kind byte

const (
	version = 0x10

	kindText   kind = version | 1 // UTF-8
	kindJSON   kind = version | 2 // a JSON text
	kindBinary kind = version | 3 // any bytes
	kindEvent  kind = version | 4 // the length of a name as a varint, the name, and UTF-8
)

// message is one message as it came from the broker.
type message struct {
	kind kind
	name string // of a kindEvent
	data []byte
}

// appendMessage appends the form in which m goes through the broker.
func appendMessage(b []byte, m message) []byte {
	b = append(b, byte(m.kind))
	if m.kind == kindEvent {
		b = binary.AppendUvarint(b, uint64(len(m.name)))
		b = append(b, m.name...)
	}
	return append(b, m.data...)
}

// parseMessage is its inverse. The message's data is part of b. It reports false for what is to be ignored: other kinds, and text that no
// client would take.
func parseMessage(b []byte) (m message, ok bool) {
	if len(b) == 0 {
		return m, false
	}
	m.kind, m.data = kind(b[0]), b[1:]
	switch m.kind {
	case kindBinary:
		return m, true
	case kindText, kindJSON:
		return m, utf8.Valid(m.data)
	case kindEvent:
		n, size := binary.Uvarint(m.data)
		if size <= 0 || n > uint64(len(m.data)-size) {
			return m, false
		}
		rest := m.data[size:]
		m.name, m.data = string(rest[:n]), rest[n:]
		return m, validEvent(m.name) && utf8.Valid(m.data)
	}
	return m, false
}

// validEvent reports whether an event may have that name.
func validEvent(name string) bool {
	_, err := quart.Event{Name: name}.Frame()
	return err == nil && utf8.ValidString(name)
}

// plain is the message for event streams, and for sockets that asked for no envelope.
func (m *message) plain(pos Pos) *quart.Frame {
	if m.kind == kindEvent {
		if f, err := (quart.Event{ID: pos.String(), Name: m.name, Data: string(m.data)}).Frame(); err == nil {
			return f
		}
	}
	return quart.NewFrame(pos.String(), quart.Message{Data: m.data, Binary: m.kind == kindBinary})
}

// envelope is the message for sockets that did.
func (m *message) envelope(topic string, pos Pos) *quart.Frame {
	b := make([]byte, 0, len(m.data)+len(m.data)/3+len(topic)+96)
	b = openEnvelope(b, topic)
	b = appendMember(b, "id", pos.String())
	if m.kind == kindEvent {
		b = appendMember(b, "event", m.name)
	}
	switch {
	case m.kind == kindBinary:
		b = append(b, `,"base64":"`...)
		b = base64.StdEncoding.AppendEncode(b, m.data)
		b = append(b, '"')
	case m.kind == kindJSON && jsontext.Value(m.data).IsValid(jsontext.AllowDuplicateNames(true)):
		b = append(b, `,"data":`...)
		b = append(b, m.data...)
	default:
		b = append(b, `,"data":`...)
		b, _ = jsontext.AppendQuote(b, m.data)
	}
	return textFrame(append(b, '}'))
}

// openEnvelope begins an envelope, which ends in "}".
func openEnvelope(b []byte, topic string) []byte {
	b, _ = jsontext.AppendQuote(append(b, `{"topic":`...), topic)
	return b
}

// appendMember appends a member to a JSON object that has one already.
func appendMember(b []byte, name, value string) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	b, _ = jsontext.AppendQuote(b, value)
	return b
}

func textFrame(b []byte) *quart.Frame { return quart.NewFrame("", quart.Message{Data: b}) }
