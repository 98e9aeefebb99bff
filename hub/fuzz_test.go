package hub_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/goquart/quart"
	"github.com/goquart/quart/hub"
)

// FuzzReceive has any bytes come from the broker as a message, and as a report of who is present. What members are sent is JSON, and what
// is published comes back as it was.
func FuzzReceive(f *testing.F) {
	for _, s := range []string{"", "\x11text", "\x12{\"a\":[1]}", "\x12{\"a\":1,\"a\":2}", "\x13\xff\x00", "\x14\x04tick1", "\x14\x80\x80", "\x14\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", "\x15{\"node\":\"n\",\"join\":[\"a\"]}", "\x15{\"node\":\"n\",\"all\":true,\"from\":\"b\",\"to\":\"a\"}", "\x25later"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b := hub.NewMemory(hub.MemoryConfig{})
		h := hub.New(hub.Config{Broker: b, Present: 2})
		defer func() { _ = h.Close(context.Background()) }()
		topic := h.Topic("t")
		l, events := newLive(t), newLive(t)
		join(t, topic, l, hub.Options{Format: hub.Envelope, Presence: true})
		join(t, topic, events, hub.Options{Format: hub.Events})
		for _, key := range []string{"m/t", "p/t"} {
			if _, err := b.Publish(t.Context(), key, raw); err != nil {
				t.Fatal(err)
			}
		}
		publish(t, topic, "last")
		all := awaitLast(t, l, `"data":"last"}`)
		for _, s := range all {
			var v struct{ Topic string }
			if err := json.Unmarshal([]byte(s), &v); err != nil || v.Topic != "t" || !utf8.ValidString(s) {
				t.Errorf("%q: %v", s, err)
			}
		}
		awaitLast(t, events, "last")
		if n := len(topic.Present()); n > 2 {
			t.Errorf("%d are present", n)
		}
	})
}

// awaitLast returns what comes until something ends in last.
func awaitLast(t *testing.T, l *live, last string) (all []string) {
	t.Helper()
	await(t, "the last message", func() bool {
		all = append(all, l.take()...)
		return slices.ContainsFunc(all, func(s string) bool { return strings.HasSuffix(s, last) })
	})
	return all
}

// FuzzRoundTrip publishes any message, with any position to resume from.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("text"), "", "name", "1-2", false)
	f.Add([]byte{0xff}, "tick", "a\nb", "recent", true)
	f.Fuzz(func(t *testing.T, data []byte, event, name, since string, binary bool) {
		h := new(hub.Hub)
		topic := h.Topic(name)
		l := newLive(t)
		if topic.Name() == "" {
			if _, err := topic.Join(liveConn{l}, since); err != hub.ErrTopic {
				t.Fatal(err)
			}
			return
		}
		join(t, topic, l, hub.Options{Since: since})
		var err error
		want := string(data)
		if binary {
			want = "[" + want + "]"
			_, err = topic.PublishMessage(t.Context(), quart.Message{Data: data, Binary: true})
		} else {
			if event != "" {
				want = event + " " + want
			}
			_, err = topic.PublishEvent(t.Context(), quart.Event{Name: event, Data: string(data)})
			valid := utf8.Valid(data) && utf8.ValidString(event) && !strings.ContainsAny(event, "\r\n")
			if (err == nil) != valid {
				t.Fatalf("valid: %v, error: %v", valid, err)
			}
		}
		if err != nil {
			return
		}
		if got := awaitLast(t, l, ""); fmt.Sprint(got) != fmt.Sprint([]string{want}) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
