package main

import (
	"strings"
	"unicode"
)

// line is text that can be stored and shown in a line: runs of white space are one space, and there are no control characters.
type line string

// UnmarshalText makes one of any text, so that quart can do so from a form.
func (l *line) UnmarshalText(text []byte) error {
	*l = line(strings.Join(strings.Fields(printable(text)), " "))
	return nil
}

// lines is the same of several lines, which forms send with CRLF.
type lines string

// UnmarshalText makes one of any text, so that quart can do so from a form.
func (l *lines) UnmarshalText(text []byte) error {
	*l = lines(strings.TrimSpace(printable(text)))
	return nil
}

// printable drops control characters but newline and tab, and those that change the direction of what follows.
func printable(text []byte) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(text), "\uFFFD"))
}
