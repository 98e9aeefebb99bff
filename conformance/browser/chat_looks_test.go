package browser_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestChatLooks takes pictures of the chat; see TestLooks.
func TestChatLooks(t *testing.T) {
	need(t)
	dir := t.ArtifactDir()
	tests := []struct {
		name  string
		visit func(t *testing.T, s *server) *talker
	}{
		{"chat-name", func(t *testing.T, s *server) *talker {
			p := &talker{newPage(t)}
			p.open(s.url("/"))
			p.until(`document.querySelector("#name").checkVisibility()`)
			p.do("fill", "#name", "A\u202eda")
			p.do("press", "#name", "Enter")
			p.until(`document.querySelector("#name-error").checkVisibility()`)
			return p
		}},
		{"chat-empty", func(t *testing.T, s *server) *talker { return enterChat(t, s.url(""), "/", "Ada") }},
		{"chat-nowhere", func(t *testing.T, s *server) *talker {
			p := enterChat(t, s.url(""), "/", "Ada")
			p.click("#leave")
			p.until(`document.querySelector("#nowhere").checkVisibility()`)
			return p
		}},
		{"chat", conversation},
		{"chat-lost", func(t *testing.T, s *server) *talker {
			p := conversation(t, s)
			s.stop(syscall.SIGKILL)
			p.untilLost()
			p.say("Is this thing on?")
			return p
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := tt.visit(t, serve(t, "chat"))
			for _, w := range windows {
				p.do("look", w.width, w.height, w.colours)
				p.do("screenshot", filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", tt.name, w.width, w.colours)))
				checkLooks(p.page)
				if over := eval[int](p.page, `document.documentElement.scrollHeight - innerHeight`); over > 0 {
					t.Errorf("the page is %d pixels higher than its window of %dx%d: only the messages should scroll", over, w.width, w.height)
				}
			}
		})
	}
}

// conversation is a chat with all that it can show.
func conversation(t *testing.T, s *server) *talker {
	t.Helper()
	ada := enterChat(t, s.url(""), "/", "Ada")
	grace := enterChat(t, s.url(""), "/#old-films", "Grace Hopper")
	long := enterChat(t, s.url(""), "/", "Wolfeschlegelsteinhausen")
	say := func(p *talker, text string) {
		t.Helper()
		p.say(text)
		p.untilShows(text)
	}
	ada.untilPresent("Ada", "Wolfeschlegelsteinhausen")
	ada.click("#rename") // so that there is an own room list with more than one
	ada.do("press", "#name", "Enter")
	ada.untilConnected()
	ada.do("fill", "#join-name", "Old films")
	ada.do("press", "#join-name", "Enter")
	ada.untilPresent("Ada", "Grace Hopper")
	ada.click(`#rooms a[href="#lobby"]`)
	say(ada, "Hello! Has anybody seen the one with the train?")
	say(ada, "It was in black and white, I think.")
	say(long, "Which one? There are a few dozen of them, and trains were what everybody had a camera for in those days. The first one of all is said to have "+
		"made people run out of the room, which is probably not true, but a good story.")
	say(long, "https://films.example/a-very-long-address-that-nobody-would-ever-break-by-hand/"+strings.Repeat("0123456789", 6))
	say(ada, "That one:\n\n  1. a station\n  2. a train\n  3. it arrives")
	say(grace, "Here as well?")
	say(grace, "I have it on film.")
	ada.until(`document.querySelector("#rooms .unread:not([hidden])")?.firstChild.textContent === "2"`)
	return ada
}
