package main

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	mostName = 24    // characters of a name
	mostRoom = 24    // of a room's
	mostText = 2_000 // of a message
	mostKey  = 40    // of its key
)

// hello is the first message of a client.
type hello struct {
	Name string `json:"name"`
}

// Validate checks the name, without the spaces around it. Its error goes to the client as the reason of a close frame.
func (h *hello) Validate() error {
	h.Name = strings.Trim(h.Name, " ")
	if !validName(h.Name) {
		return refusal("A name has 1 to " + strconv.Itoa(mostName) + " visible characters.")
	}
	return nil
}

// validName lets in what can be told apart from another name and stays within its line: no control characters, none that are invisible or turn the
// direction of what follows, one space at a time, and an accent only behind what it belongs to.
func validName(name string) bool {
	if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > mostName {
		return false
	}
	before := ' '
	for _, r := range name {
		if !unicode.IsPrint(r) || r == utf8.RuneError || blank(r) || before == ' ' && (r == ' ' || unicode.IsMark(r)) {
			return false
		}
		before = r
	}
	return before != ' '
}

// blank reports letters and symbols that show nothing.
func blank(r rune) bool {
	switch r {
	case '\u115F', '\u1160', '\u2800', '\u3164', '\uFFA0':
		return true
	}
	return false
}

// validRoom lets in what can stand in a URL as it is.
func validRoom(room string) bool {
	if room == "" || len(room) > mostRoom || room[0] == '-' || room[len(room)-1] == '-' {
		return false
	}
	for _, r := range room {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return true
}

// command is what a client wants to do.
type command struct {
	Do    string `json:"do"` // join, leave or say
	Room  string `json:"room"`
	Since string `json:"since"` // join: the id of the last message that the client has seen
	Text  string `json:"text"`  // say
	Key   string `json:"key"`   // say: the client's own name for the message
}

// check tidies the text and refuses what nobody should see.
func (c *command) check() error {
	if !validRoom(c.Room) {
		return refusal("A room's name has 1 to " + strconv.Itoa(mostRoom) + " letters from a to z, digits and hyphens.")
	}
	switch c.Do {
	case "join", "leave":
		return nil
	case "say":
	default:
		return refusal("There is nothing called that to do.")
	}
	c.Text = strings.TrimSpace(strings.ReplaceAll(c.Text, "\r\n", "\n"))
	switch {
	case c.Text == "":
		return refusal("There is no text.")
	case utf8.RuneCountInString(c.Text) > mostText:
		return refusal("A message has at most " + strconv.Itoa(mostText) + " characters.")
	case strings.ContainsFunc(c.Text, unprintable):
		return refusal("There are control characters in the text.")
	case len(c.Key) > mostKey:
		return refusal("The key is too long.")
	}
	return nil
}

func unprintable(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

// answer says what became of a command.
type answer struct {
	Do    string `json:"do"`
	Room  string `json:"room"`
	Key   string `json:"key,omitempty"`
	ID    string `json:"id,omitempty"` // of the message that was said
	Error string `json:"error,omitempty"`
}

// refusal is an error that the visitor is told.
type refusal string

func (r refusal) Error() string { return string(r) }

// message is what is said in a room.
type message struct {
	From string    `json:"from"`
	Text string    `json:"text"`
	Key  string    `json:"key"`
	At   time.Time `json:"at"`
}
