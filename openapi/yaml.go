package openapi

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// toYAML writes a JSON text as YAML 1.2, in block style. It panics on what is no JSON.
func toYAML(doc []byte) []byte {
	w := yamlWriter{dec: jsontext.NewDecoder(bytes.NewReader(doc))}
	w.node(0, atStart)
	return w.out
}

// yamlWriter writes values as they are read.
type yamlWriter struct {
	dec *jsontext.Decoder
	out []byte
}

// yamlPlace is where a node is written.
type yamlPlace uint8

const (
	atStart  yamlPlace = iota
	afterKey           // after "key:"
	afterDash
)

func (w *yamlWriter) token() jsontext.Token {
	tok, err := w.dec.ReadToken()
	if err != nil {
		panic(fmt.Sprintf("openapi: %v", err))
	}
	return tok
}

// node writes the next value. The members or elements of one that has any are indented by indent.
func (w *yamlWriter) node(indent int, at yamlPlace) {
	switch w.dec.PeekKind() {
	case '{':
		w.token()
		w.collection(indent, at, '}', "{}", func() {
			w.scalar(w.token())
			w.out = append(w.out, ':')
			w.node(indent+2, afterKey)
		})
	case '[':
		w.token()
		w.collection(indent, at, ']', "[]", func() {
			w.out = append(w.out, '-')
			w.node(indent+2, afterDash)
		})
	default:
		if at != atStart {
			w.out = append(w.out, ' ')
		}
		w.scalar(w.token())
		w.out = append(w.out, '\n')
	}
}

// collection writes what is between the brackets, the first of which has been read: one calls entry for each.
func (w *yamlWriter) collection(indent int, at yamlPlace, end jsontext.Kind, empty string, entry func()) {
	if w.dec.PeekKind() == end {
		w.token()
		w.out = append(w.out, " "+empty+"\n"...)
		return
	}
	switch at {
	case afterKey:
		w.out = append(w.out, '\n')
	case afterDash:
		w.out = append(w.out, ' ') // the first one stands beside the dash
	}
	for first := true; w.dec.PeekKind() != end; first = false {
		if !first || at == afterKey {
			w.out = append(w.out, strings.Repeat(" ", indent)...)
		}
		entry()
	}
	w.token()
}

func (w *yamlWriter) scalar(tok jsontext.Token) {
	if tok.Kind() != '"' {
		w.out = append(w.out, tok.String()...)
		return
	}
	s := tok.String()
	if isPlain(s) {
		w.out = append(w.out, s...)
		return
	}
	w.quoted(s)
}

// quoted writes a string in double quotes, with the escapes of JSON, which YAML has as well. It also escapes what YAML does not take
// for printable.
func (w *yamlWriter) quoted(s string) {
	w.out = append(w.out, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			w.out = append(w.out, '\\', byte(r))
		case r == '\n':
			w.out = append(w.out, `\n`...)
		case r < ' ' || r >= 0x7F && r < 0xA0 || r == 0x2028 || r == 0x2029 || r == 0xFEFF || r == 0xFFFE || r == 0xFFFF:
			w.out = fmt.Appendf(w.out, `\u%04X`, r)
		default:
			w.out = append(w.out, string(r)...)
		}
	}
	w.out = append(w.out, '"')
}

const plainRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _/.,;()'{}$+-*=?!"

// isPlain reports whether YAML reads s as this string without quotes: as a string also by the rules of YAML 1.1, which took
// words for booleans.
func isPlain(s string) bool {
	if s == "" || strings.Trim(s, plainRunes) != "" || s[len(s)-1] == ' ' {
		return false
	}
	if first := s[0] | 0x20; (first < 'a' || first > 'z') && s[0] != '/' && s[0] != '$' {
		return false
	}
	switch strings.ToLower(s) {
	case "null", "true", "false", "yes", "no", "on", "off", "y", "n":
		return false
	}
	return true
}
