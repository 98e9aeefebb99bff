package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

func newClient(t *testing.T, set settings) *quarttest.Client {
	t.Helper()
	return quarttest.New(t, newApp(quart.Config{Log: quarttest.Log(t)}, set))
}

// received is whatever the server may send.
type received struct {
	Topic, ID   string
	Recovered   *bool
	Present     []string
	Join, Leave string
	Data        *message

	Do, Room, Key, Error string
}

// visit is a visitor's side of a socket.
type visit struct {
	t       *testing.T
	ws      *websocket.Conn
	skipped []received // while something else was waited for
}

func newVisit(t *testing.T, cl *quarttest.Client, name string) *visit {
	t.Helper()
	v := &visit{t: t, ws: cl.WebSocket("/talk")}
	v.send(hello{Name: name})
	return v
}

func (v *visit) send(x any) {
	v.t.Helper()
	if err := v.ws.WriteJSON(x); err != nil {
		v.t.Fatal(err)
	}
}

func (v *visit) next() (r received) {
	v.t.Helper()
	if len(v.skipped) > 0 {
		r, v.skipped = v.skipped[0], v.skipped[1:]
		return r
	}
	text := quarttest.ReadText(v.t, v.ws)
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		v.t.Fatalf("%v: %s", err, text)
	}
	return r
}

// until returns the first message that ok wants, and drops those before it.
func (v *visit) until(ok func(r received) bool) received {
	v.t.Helper()
	for {
		if r := v.next(); ok(r) {
			return r
		}
	}
}

// answer sends a command and returns what the server says to it, and what it sent before.
func (v *visit) answer(c command) (answer received, before []received) {
	v.t.Helper()
	v.send(c)
	for {
		r := v.next()
		if r.Do != "" {
			return r, before
		}
		before = append(before, r)
	}
}

// join joins a room and returns what the server says first, and the texts of the messages that followed.
func (v *visit) join(room, since string) (welcome received, texts []string) {
	v.t.Helper()
	answer, before := v.answer(command{Do: "join", Room: room, Since: since})
	i := slices.IndexFunc(before, func(r received) bool { return r.Topic == room && r.Recovered != nil })
	if answer.Error != "" || i < 0 {
		v.t.Fatalf("join: %+v, %+v", answer, before)
	}
	for _, r := range before[i+1:] {
		if r.Topic == room && r.Data != nil {
			texts = append(texts, r.Data.Text)
		}
	}
	return before[i], texts
}

// say says something and returns its id.
func (v *visit) say(room, text string) (id string) {
	v.t.Helper()
	v.send(command{Do: "say", Room: room, Text: text, Key: "k-" + text})
	var skipped []received // its own message may come before the answer
	answer := v.next()
	for ; answer.Do == ""; answer = v.next() {
		skipped = append(skipped, answer)
	}
	v.skipped = append(skipped, v.skipped...)
	if answer.Error != "" || answer.ID == "" || answer.Key != "k-"+text {
		v.t.Fatalf("say: %+v", answer)
	}
	return answer.ID
}

// heard returns the next message.
func (v *visit) heard() message {
	v.t.Helper()
	return *v.until(func(r received) bool { return r.Data != nil }).Data
}

func TestTalk(t *testing.T) {
	cl := newClient(t, settings{})
	ada, bob, eve := newVisit(t, cl, "Ada"), newVisit(t, cl, "  Bob "), newVisit(t, cl, "Eve")
	if w, texts := ada.join("lobby", ""); *w.Recovered || len(w.Present) != 1 || w.Present[0] != "Ada" || len(texts) != 0 {
		t.Errorf("Ada comes first: %+v, %q", w, texts)
	}
	ada.say("lobby", "anybody here?")
	if w, texts := bob.join("lobby", ""); fmt.Sprint(w.Present) != "[Ada Bob]" || fmt.Sprint(texts) != "[anybody here?]" {
		t.Errorf("Bob comes second: %+v, %q", w, texts)
	}
	if r := ada.until(func(r received) bool { return r.Join != "" && r.Join != "Ada" }); r.Join != "Bob" || r.Topic != "lobby" {
		t.Errorf("Ada is told %+v", r)
	}
	eve.join("cellar", "")
	id := bob.say("lobby", "<b>hi</b> & \u2028 \U0001F600")
	r := ada.until(func(r received) bool { return r.Data != nil && r.Data.From == "Bob" })
	if r.ID != id || r.Topic != "lobby" || r.Data.Text != "<b>hi</b> & \u2028 \U0001F600" || r.Data.Key == "" || time.Since(r.Data.At) > time.Minute {
		t.Errorf("Ada hears %+v", r)
	}
	eve.say("cellar", "alone")
	if m := eve.heard(); m.Text != "alone" {
		t.Errorf("Eve, in another room, hears %+v", m)
	}
	if answer, _ := bob.answer(command{Do: "leave", Room: "lobby"}); answer.Error != "" {
		t.Errorf("Bob leaves: %+v", answer)
	}
	if r := ada.until(func(r received) bool { return r.Leave != "" }); r.Leave != "Bob" {
		t.Errorf("Ada is told %+v", r)
	}
	if answer, _ := bob.answer(command{Do: "say", Room: "lobby", Text: "still here"}); answer.Error == "" {
		t.Error("Bob speaks in a room that he has left")
	}
}

// TestTabs: a name in two tabs is there once, until both are closed.
func TestTabs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newClient(t, settings{})
		bob := newVisit(t, cl, "Bob")
		bob.join("lobby", "")
		one, two := newVisit(t, cl, "Ada"), newVisit(t, cl, "Ada")
		one.join("lobby", "")
		if w, _ := two.join("lobby", ""); fmt.Sprint(w.Present) != "[Ada Bob]" {
			t.Errorf("present: %q", w.Present)
		}
		synctest.Wait()
		one.ws.Close()
		synctest.Wait() // whatever comes of that is on its way
		carl := newVisit(t, cl, "Carl")
		carl.join("lobby", "")
		synctest.Wait()
		two.ws.Close()
		var events []string
		for len(events) == 0 || events[len(events)-1] != "-Ada" {
			if r := bob.next(); r.Join != "" {
				events = append(events, "+"+r.Join)
			} else if r.Leave != "" {
				events = append(events, "-"+r.Leave)
			}
		}
		if got := strings.TrimPrefix(strings.Join(events, " "), "+Bob "); got != "+Ada +Carl -Ada" {
			t.Errorf("Bob is told %q", got)
		}
	})
}

// TestResume: who comes back gets what was said meanwhile, once.
func TestResume(t *testing.T) {
	cl := newClient(t, settings{})
	bob := newVisit(t, cl, "Bob")
	bob.join("lobby", "")
	first := bob.say("lobby", "0")
	for i := range 5 {
		bob.say("lobby", fmt.Sprint(i+1))
	}
	tests := []struct {
		name, since string
		recovered   bool
		texts       string
	}{
		{"was away", first, true, "[1 2 3 4 5]"},
		{"is new", "", false, "[0 1 2 3 4 5]"},
		{"knew another server", "abc-1", false, "[0 1 2 3 4 5]"},
		{"sends nonsense", "\x00 <script>", false, "[0 1 2 3 4 5]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ada := newVisit(t, cl, "Ada")
			w, texts := ada.join("lobby", tt.since)
			if *w.Recovered != tt.recovered || fmt.Sprint(texts) != tt.texts {
				t.Errorf("recovered %v, %q, want %v, %s", *w.Recovered, texts, tt.recovered, tt.texts)
			}
			ada.ws.Close()
		})
	}
}

func TestRefusals(t *testing.T) {
	cl := newClient(t, settings{})
	ada := newVisit(t, cl, "Ada")
	ada.join("lobby", "")
	tests := []struct {
		name string
		send command
		want string // what the answer's error contains
	}{
		{"twice", command{Do: "join", Room: "lobby"}, "already"},
		{"no room", command{Do: "join"}, "A room's name"},
		{"a room with a slash", command{Do: "join", Room: "../etc"}, "A room's name"},
		{"a room with capitals", command{Do: "join", Room: "Lobby"}, "A room's name"},
		{"a room with a hyphen in front", command{Do: "join", Room: "-x"}, "A room's name"},
		{"a long room", command{Do: "join", Room: strings.Repeat("x", 25)}, "A room's name"},
		{"leaving where one is not", command{Do: "leave", Room: "cellar"}, "not in this room"},
		{"speaking where one is not", command{Do: "say", Room: "cellar", Text: "hi"}, "not in this room"},
		{"nothing", command{Do: "say", Room: "lobby", Text: " \n\t "}, "no text"},
		{"too much", command{Do: "say", Room: "lobby", Text: strings.Repeat("\u00e4", 2001)}, "at most 2000"},
		{"an escape sequence", command{Do: "say", Room: "lobby", Text: "a\x1b[31m"}, "control"},
		{"a long key", command{Do: "say", Room: "lobby", Text: "hi", Key: strings.Repeat("k", 41)}, "key"},
		{"something else", command{Do: "shout", Room: "lobby", Text: "hi"}, "nothing called"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer, _ := ada.answer(tt.send)
			if !strings.Contains(answer.Error, tt.want) || answer.Key != tt.send.Key || answer.Do != tt.send.Do {
				t.Errorf("%+v, want an error with %q", answer, tt.want)
			}
		})
	}
	text := strings.Repeat("\U0001F600", mostText) // the socket goes on, and takes the most
	ada.send(command{Do: "say", Room: "lobby", Text: text})
	if m := ada.heard(); m.Text != text {
		t.Errorf("heard %d bytes", len(m.Text))
	}
}

func TestMostRooms(t *testing.T) {
	ada := newVisit(t, newClient(t, settings{}), "Ada")
	for i := range mostRooms {
		ada.join(fmt.Sprint("room-", i), "")
	}
	if answer, _ := ada.answer(command{Do: "join", Room: "one-more"}); !strings.Contains(answer.Error, "as many rooms") {
		t.Errorf("%+v", answer)
	}
	ada.answer(command{Do: "leave", Room: "room-3"})
	ada.join("one-more", "")
}

// TestEnds: what no page sends ends the socket, with a reason.
func TestEnds(t *testing.T) {
	tests := []struct {
		name, send string
		code       int
	}{
		{"no name", `{"name":""}`, 1008},
		{"a name of spaces", `{"name":"   "}`, 1008},
		{"a long name", `{"name":"` + strings.Repeat("a", 25) + `"}`, 1008},
		{"a name with a line break", `{"name":"a\nb"}`, 1008},
		{"a name that turns what follows", `{"name":"a\u202eb"}`, 1008},
		{"a name with an invisible character", `{"name":"Ada\u200b"}`, 1008},
		{"a name of another type", `{"name":7}`, 1008},
		{"no JSON", `hello`, 1007},
		{"too large", `{"name":"` + strings.Repeat("a", 40<<10) + `"}`, 1009},
	}
	cl := newClient(t, settings{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ws := cl.WebSocket("/talk")
			quarttest.WriteText(t, ws, tt.send)
			end := quarttest.ReadClose(t, ws)
			if end.Code != tt.code || end.Code == 1008 && end.Reason == "" {
				t.Errorf("closed with %+v, want %d", end, tt.code)
			}
		})
	}
	if _, resp := cl.Handshake("/talk", "Origin", "https://elsewhere.example"); resp.Status != 403 {
		t.Errorf("another site's page gets %d, want 403", resp.Status)
	}
}

func TestNames(t *testing.T) {
	tests := map[string]bool{
		"Ada": true, "ada lovelace": true, "\u00c5sa": true, "e\u0301lan": true, "\u6f22\u5b57": true, "\U0001F600": true, "<script>": true, "a.b-c'd": true,
		"": false, " a": false, "a ": false, "a  b": false, "\u0301a": false, "a\tb": false, "a\u00a0b": false, "a\u2800b": false, "a\uFFFDb": false,
		"\xff": false, strings.Repeat("\u00e4", 24): true, strings.Repeat("\u00e4", 25): false,
	}
	for name, want := range tests {
		if got := validName(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}

// TestPace: who sends faster than the rate is read more slowly, and nothing is lost.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ada := newVisit(t, newClient(t, settings{rate: 10}), "Ada")
		ada.join("lobby", "")
		begin := time.Now()
		go func() {
			for i := range burst + 20 {
				if err := ada.ws.WriteJSON(command{Do: "say", Room: "lobby", Text: fmt.Sprint(i)}); err != nil {
					t.Error(err)
				}
			}
		}()
		for i := range burst + 20 {
			if m := ada.heard(); m.Text != fmt.Sprint(i) {
				t.Fatalf("heard %q, want %d", m.Text, i)
			}
		}
		if took := time.Since(begin); took < 2*time.Second || took > 2200*time.Millisecond {
			t.Errorf("%d messages took %v, want the last 20 to take 100 ms each", burst+20, took)
		}
	})
}

// TestStop: a server that stops says so, and pages come back to the next one.
func TestStop(t *testing.T) {
	cl := newClient(t, settings{})
	ada := newVisit(t, cl, "Ada")
	ada.join("lobby", "")
	stopped := make(chan error, 1)
	go func() { stopped <- cl.Stop() }()
	for {
		_, _, err := ada.ws.ReadMessage()
		if err == nil {
			continue
		}
		if !websocket.IsCloseError(err, 1001) {
			t.Errorf("%v, want 1001", err)
		}
		break
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestPage(t *testing.T) {
	cl := newClient(t, settings{})
	page := cl.Get("/").Want(200)
	if csp := page.Header("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
	for _, file := range []string{"/style.css", "/page.css", "/page.js", "/icon.svg"} {
		if !strings.Contains(page.Text(), `"`+file+`"`) {
			t.Errorf("the page does not ask for %s", file)
		}
		cl.Get(file).Want(200)
	}
	for _, module := range []string{"/connection.js", "/room.js"} {
		cl.Get(module).Want(200)
	}
}
