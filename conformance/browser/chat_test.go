package browser_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// talker is a page of the chat.
type talker struct{ *page }

// enterChat opens the chat in a browser of its own, and comes in under a name. path may have a room: "/#music".
func enterChat(t *testing.T, base, path, name string) *talker {
	t.Helper()
	p := &talker{newPage(t)}
	p.open(base + path)
	p.until(`document.querySelector("#name").checkVisibility()`)
	p.do("fill", "#name", name)
	p.do("press", "#name", "Enter")
	p.untilConnected()
	return p
}

func (p *talker) untilConnected() {
	p.t.Helper()
	p.until(`document.querySelector("#state-text").innerText === "Connected" && !document.querySelector("#present").classList.contains("away")`)
}

func (p *talker) untilLost() {
	p.t.Helper()
	p.until(`document.querySelector("#state-text").innerText.startsWith("Connection lost")`)
}

func (p *talker) say(text string) {
	p.t.Helper()
	p.do("fill", "#text", text)
	p.do("press", "#text", "Enter")
}

// texts are the messages that the page shows in its room, those on their way included.
func (p *talker) texts() []string {
	p.t.Helper()
	return eval[[]string](p.page, `Array.from(document.querySelectorAll(".log .msg .text"), (e) => e.textContent)`)
}

// untilShows waits for a message that has arrived.
func (p *talker) untilShows(text string) {
	p.t.Helper()
	p.until(`Array.from(document.querySelectorAll(".log .msg:not(.sending) .text")).some((e) => e.textContent === ` + quoteJS(text) + `)`)
}

func (p *talker) untilPresent(names ...string) {
	p.t.Helper()
	want, _ := json.Marshal(names)
	p.until(`JSON.stringify(Array.from(document.querySelectorAll("#present bdi"), (e) => e.textContent)) === JSON.stringify(` + string(want) + `)`)
}

// untilNoticed waits for a line that is no message.
func (p *talker) untilNoticed(text string) {
	p.t.Helper()
	p.until(`Array.from(document.querySelectorAll(".log .notice")).some((e) => e.textContent.includes(` + quoteJS(text) + `))`)
}

func quoteJS(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func (p *talker) wantTexts(want ...string) {
	p.t.Helper()
	if got := p.texts(); !slices.Equal(got, want) {
		p.t.Errorf("the page shows %q, want %q", got, want)
	}
}

// TestChat: two browsers talk in a room; a third, in another one, sees nothing of it until it comes.
func TestChat(t *testing.T) {
	need(t)
	s := serve(t, "chat")
	ada := enterChat(t, s.url(""), "/", "Ada")
	ada.untilPresent("Ada")
	if !eval[bool](ada.page, `document.querySelector(".log .empty").checkVisibility()`) {
		t.Error("an empty room does not say so")
	}
	bob := enterChat(t, s.url(""), "/#lobby", "Bob")
	eve := enterChat(t, s.url(""), "/#cellar", "Eve")
	for _, p := range []*talker{ada, bob} {
		p.untilPresent("Ada", "Bob")
	}
	ada.untilNoticed("Bob joined")
	eve.untilPresent("Eve")

	ada.say("Hello, is anybody here?")
	bob.untilShows("Hello, is anybody here?")
	bob.say("I am.\nOn two lines.")
	ada.untilShows("I am.\nOn two lines.")
	for _, p := range []*talker{ada, bob} {
		p.wantTexts("Hello, is anybody here?", "I am.\nOn two lines.")
	}
	eve.say("Alone.")
	eve.untilShows("Alone.")
	eve.wantTexts("Alone.")

	eve.do("fill", "#join-name", "Lobby")
	eve.do("press", "#join-name", "Enter")
	eve.untilShows("I am.\nOn two lines.")
	for _, p := range []*talker{ada, bob, eve} {
		p.untilPresent("Ada", "Bob", "Eve")
	}
	eve.click(`#rooms a[href="#cellar"]`)
	eve.wantTexts("Alone.")
	ada.say("Eve, come back!")
	eve.until(`document.querySelector('#rooms a[href="#lobby"] .unread:not([hidden])')?.firstChild.textContent === "1" && document.title.startsWith("(1)")`)
	eve.click(`#rooms a[href="#lobby"]`)
	eve.until(`!document.querySelector("#rooms .unread:not([hidden])") && document.title.startsWith("lobby")`)
	eve.click("#leave")
	ada.untilPresent("Ada", "Bob")
	ada.untilNoticed("Eve left")
	bob.close()
	ada.untilPresent("Ada")
	ada.untilNoticed("Bob left")
	for _, p := range []*talker{ada, eve} {
		p.wantNoErrors()
	}
}

// TestChatReturns: a browser knows the name and the rooms of the last visit, and two tabs of it are one who is there.
func TestChatReturns(t *testing.T) {
	need(t)
	s := serve(t, "chat")
	ada := enterChat(t, s.url(""), "/#music", "Ada")
	ada.say("la la la")
	ada.untilShows("la la la")
	tab := &talker{ada.newTab()}
	tab.open(s.url("/#music"))
	tab.untilConnected()
	tab.untilShows("la la la")
	tab.untilPresent("Ada")
	tab.until(`JSON.stringify(Array.from(document.querySelectorAll("#rooms a > span:first-child"), (e) => e.textContent)) === '["music"]'`)
	tab.click("#rename")
	tab.do("fill", "#name", "Ada L.")
	tab.do("press", "#name", "Enter")
	tab.untilPresent("Ada", "Ada L.")
	tab.wantTexts("la la la")
	ada.wantNoErrors()
	tab.wantNoErrors()
}

// TestChatRefusesName: the server's word about a name is shown beside the field.
func TestChatRefusesName(t *testing.T) {
	need(t)
	s := serve(t, "chat")
	p := &talker{newPage(t)}
	p.open(s.url("/"))
	p.do("fill", "#name", "A\u202eda")
	p.do("press", "#name", "Enter")
	p.until(`document.querySelector("#name-error").innerText.includes("visible characters") && document.querySelector("#name").ariaInvalid === "true"`)
	p.do("fill", "#name", "Ada")
	p.do("press", "#name", "Enter")
	p.untilConnected()
	p.untilPresent("Ada")
	p.wantNoErrors()
}

// TestChatShowsText: what looks like HTML is text, in messages and in names.
func TestChatShowsText(t *testing.T) {
	need(t)
	s := serve(t, "chat")
	ada := enterChat(t, s.url(""), "/", "Ada")
	evil := enterChat(t, s.url(""), "/", "<img src=x onerror=a>")
	attacks := []string{
		`<script>document.title = "hacked"</script>`,
		`<img src=x onerror="document.title='hacked'">`,
		`"><svg onload=alert(1)>`,
		`javascript:alert(1)`,
		`&lt;b&gt; {{7*7}} ${7*7}`,
		"\u202eright to left",
	}
	for _, text := range attacks {
		evil.say(text)
		ada.untilShows(text)
	}
	ada.wantTexts(attacks...)
	ada.untilPresent("<img src=x onerror=a>", "Ada")
	if n := eval[int](ada.page, `document.querySelectorAll(".log :is(script, img, svg, a, b b), #present :is(img, script)").length`); n > 0 {
		t.Errorf("%d elements were made of what somebody has written", n)
	}
	if title := eval[string](ada.page, `document.title`); strings.Contains(title, "hacked") {
		t.Errorf("title %q", title)
	}
	ada.wantNoErrors()
	evil.wantNoErrors()
}

// TestChatServerDies: the server is killed and started again; both browsers come back by themselves, say that something may be missing, as the rooms
// were in its memory, and send what was written meanwhile.
func TestChatServerDies(t *testing.T) {
	need(t)
	s := serve(t, "chat")
	ada, bob := enterChat(t, s.url(""), "/", "Ada"), enterChat(t, s.url(""), "/", "Bob")
	ada.say("before")
	bob.untilShows("before")
	s.stop(syscall.SIGKILL)
	ada.untilLost()
	bob.untilLost()
	ada.say("meanwhile")
	ada.until(`document.querySelector(".sending .fate").innerText.startsWith("Waits")`)

	s = serveAt(t, s.addr, "chat")
	for _, p := range []*talker{ada, bob} {
		p.untilConnected()
		p.untilShows("meanwhile")
		p.untilNoticed("messages may be missing here")
		p.untilPresent("Ada", "Bob")
	}
	bob.say("after")
	ada.untilShows("after")
	for _, p := range []*talker{ada, bob} {
		p.wantTexts("before", "meanwhile", "after")
		p.wantNoErrors("ERR_CONNECTION_REFUSED")
	}
	eve := enterChat(t, s.url(""), "/", "Eve")
	eve.untilShows("after")
	eve.wantTexts("meanwhile", "after") // what the first server had is gone with it
}

// TestChatResumes: a connection is lost on the way, and what is said meanwhile arrives when it is back, once, without a word about a gap.
func TestChatResumes(t *testing.T) {
	need(t)
	s := serve(t, "chat")
	way := newRelay(t, s.addr)
	ada := enterChat(t, "http://"+way.addr(), "/", "Ada")
	bob := enterChat(t, s.url(""), "/", "Bob")
	ada.say("before")
	bob.untilShows("before")
	bob.say("seen")
	ada.untilShows("seen")
	want := []string{"before", "seen"}
	for round := range 3 {
		way.cut(true)
		ada.untilLost()
		bob.untilPresent("Bob")
		for i := range 5 {
			text := fmt.Sprint("missed ", round, " ", i)
			bob.say(text)
			bob.untilShows(text)
			want = append(want, text)
		}
		ada.wantTexts(want[:len(want)-5]...)
		way.cut(false)
		ada.untilConnected()
		ada.untilShows(want[len(want)-1])
		ada.wantTexts(want...)
	}
	ada.until(`!document.querySelector(".log .gap")`)
	for _, p := range []*talker{ada, bob} {
		p.untilPresent("Ada", "Bob")
	}
	ada.wantNoErrors("ERR_CONNECTION_REFUSED", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET", "ERR_CONNECTION_CLOSED", "ERR_SOCKET_NOT_CONNECTED")
}

// TestChatSendsOnce: the connection breaks behind a message that has reached the server, before the page knows: it is sent again, and shown once.
func TestChatSendsOnce(t *testing.T) {
	need(t)
	s := serve(t, "chat")
	way := newRelay(t, s.addr)
	ada := enterChat(t, "http://"+way.addr(), "/", "Ada")
	bob := enterChat(t, s.url(""), "/", "Bob")
	ada.say("before")
	bob.untilShows("before")
	way.mute()
	ada.say("once")
	bob.untilShows("once") // it has arrived, but the answer has not
	way.cut(true)
	ada.untilLost()
	way.cut(false)
	ada.untilConnected()
	ada.untilShows("once")
	ada.say("after")
	bob.untilShows("after")
	for _, p := range []*talker{ada, bob} {
		p.wantTexts("before", "once", "after")
	}
}

// TestChatOffline: a browser that loses its network says so, and comes back with it at once.
func TestChatOffline(t *testing.T) {
	need(t)
	s := serve(t, "chat")
	ada, bob := enterChat(t, s.url(""), "/", "Ada"), enterChat(t, s.url(""), "/", "Bob")
	ada.say("before")
	bob.untilShows("before")
	ada.do("offline", true)
	ada.untilLost()
	bob.say("meanwhile")
	ada.do("offline", false)
	ada.untilConnected()
	ada.untilShows("meanwhile")
	ada.wantTexts("before", "meanwhile")
}

// TestChatKeyboard: everything can be reached and done by keys alone.
func TestChatKeyboard(t *testing.T) {
	need(t)
	s := serve(t, "chat")
	ada := enterChat(t, s.url(""), "/", "Ada")
	if got := eval[string](ada.page, `document.activeElement.id`); got != "text" {
		t.Errorf("the focus is on %q, want the message", got)
	}
	ada.say("hello")
	ada.untilShows("hello")
	var order []string
	ada.do("press", "#rename", "Tab") // from the end of the header on
	for range 12 {
		id := eval[string](ada.page, `document.activeElement.id || document.activeElement.className || document.activeElement.hash || document.activeElement.textContent`)
		order = append(order, id)
		if id == "text" {
			break
		}
		ada.do("press", ":focus", "Tab")
	}
	if want := []string{"#lobby", "join-name", "button plain", "leave", "log", "text"}; !slices.Equal(order, want) {
		t.Errorf("Tab goes to %q, want %q", order, want)
	}
	ada.do("press", "#text", "Shift+Enter")
	if got := eval[string](ada.page, `document.querySelector("#text").value`); got != "\n" {
		t.Errorf("Shift+Enter makes %q", got)
	}
}

// TestChatMinimal: the chat of a few lines works in a browser.
func TestChatMinimal(t *testing.T) {
	need(t)
	s := serveMinimal(t)
	ada, bob, eve := newPage(t), newPage(t), newPage(t)
	ada.open(s.url("/lobby"))
	bob.open(s.url("/lobby"))
	eve.open(s.url("/cellar"))
	const text = `<img src=x onerror="document.title='hacked'">`
	ada.do("fill", "input", text)
	ada.until(`document.querySelector("form").requestSubmit(), document.querySelector("li") !== null`) // until it is connected nothing is sent
	for _, p := range []*page{ada, bob} {
		p.until(`document.querySelector("li")?.textContent === ` + quoteJS(text))
	}
	if n := eval[int](eve, `document.querySelectorAll("li").length`); n > 0 {
		t.Error("the other room shows it, too")
	}
	late := newPage(t)
	late.open(s.url("/lobby"))
	late.until(`document.querySelectorAll("li").length === 1`)
	for _, p := range []*page{ada, bob, eve, late} {
		p.do("look", 320, 568, "dark")
		checkLooks(p)
	}
}

// serveMinimal builds the program with another address, and starts it.
func serveMinimal(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	original, err := filepath.Abs(filepath.Join("..", "..", "examples", "chat", "minimal", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	copied, overlay, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "minimal")
	program := strings.Replace(string(text), `"127.0.0.1:8080"`, `"127.0.0.1:0"`, 1)
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: copied}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{copied: program, overlay: string(replace)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-overlay", overlay, "-o", binary, ".")
	build.Dir = filepath.Dir(original)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return startServer(t, exec.Command(binary))
}
