package wire_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart/internal/wire"
)

// dispatched is what a client hands on, with what the stream had set by then.
type dispatched struct{ id, name, data string }

// eventSource interprets a stream as WHATWG HTML, "Interpreting an event stream", says, byte by byte.
type eventSource struct {
	events   []dispatched
	comments []string
	lastID   string // the last event ID string
	retry    string // the reconnection time

	line       []byte
	afterCR    bool
	lines      int
	id         string // the last event ID buffer
	name, data string // the event type and the data buffer
}

func (es *eventSource) feed(p []byte) {
	for _, c := range p {
		wasCR := es.afterCR
		es.afterCR = c == '\r'
		switch {
		case c == '\n' && wasCR:
		case c == '\n' || c == '\r':
			es.endLine(string(es.line))
			es.line = es.line[:0]
		default:
			es.line = append(es.line, c)
		}
	}
}

func (es *eventSource) endLine(line string) {
	if es.lines++; es.lines == 1 {
		line = strings.TrimPrefix(line, "\ufeff")
	}
	field, value, colon := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch {
	case line == "":
		es.dispatch()
	case colon && field == "":
		es.comments = append(es.comments, value)
	case field == "event":
		es.name = value
	case field == "data":
		es.data += value + "\n"
	case field == "id" && !strings.Contains(value, "\x00"):
		es.id = value
	case field == "retry" && value != "" && strings.Trim(value, "0123456789") == "":
		es.retry = value
	}
}

func (es *eventSource) dispatch() {
	es.lastID = es.id
	if es.data != "" {
		es.events = append(es.events, dispatched{es.id, es.name, strings.TrimSuffix(es.data, "\n")})
	}
	es.name, es.data = "", ""
}

// TestEventSource holds the tests' parser against the examples and rules of the standard.
func TestEventSource(t *testing.T) {
	tests := []struct {
		name, stream string
		want         []dispatched
		lastID       string
		retry        string
	}{
		{"three lines", "data: YHOO\ndata: +2\ndata: 10\n\n", []dispatched{{"", "", "YHOO\n+2\n10"}}, "", ""},
		{
			"four blocks, the last unfinished", ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event",
			[]dispatched{{"1", "", "first event"}, {"", "", "second event"}},
			"", "",
		},
		{"empty data", "data\n\ndata\ndata\n\ndata:", []dispatched{{"", "", ""}, {"", "", "\n"}}, "", ""},
		{"one space", "data:test\n\ndata: test\n\n", []dispatched{{"", "", "test"}, {"", "", "test"}}, "", ""},
		{"line ends", "data: a\rdata: b\r\ndata: c\n\rdata: d\r\n\r\n", []dispatched{{"", "", "a\nb\nc"}, {"", "", "d"}}, "", ""},
		{"BOM", "\ufeffdata: a\n\n\ufeffdata: b\n\n", []dispatched{{"", "", "a"}}, "", ""},
		{"name without data", "event: x\n\ndata: a\n\n", []dispatched{{"", "", "a"}}, "", ""},
		{"id stays", "id: 1\n\ndata: a\n\ndata: b\n\nid: 2\ndata: c", []dispatched{{"1", "", "a"}, {"1", "", "b"}}, "1", ""},
		{"id with NUL", "id: 1\nid: 2\x00\ndata: a\n\n", []dispatched{{"1", "", "a"}}, "1", ""},
		{"retry", "retry: 10\nretry: +5\nretry:\nretry: 1e3\n", nil, "", "10"},
		{"other fields", "Data: a\nfoo: b\n data: c\n\n", nil, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var es eventSource
			es.feed([]byte(tt.stream))
			if !slices.Equal(es.events, tt.want) || es.lastID != tt.lastID || es.retry != tt.retry {
				t.Errorf("events %q, last id %q, retry %q", es.events, es.lastID, es.retry)
			}
		})
	}
}

func TestAppendEvent(t *testing.T) {
	tests := []struct {
		id, name, data string
		retry          time.Duration
		want           string
	}{
		{"", "", "hello", 0, "data: hello\n\n"},
		{"", "", "", 0, "data: \n\n"},
		{"", "", " hello ", 0, "data:  hello \n\n"},
		{"42", "tick", "a", 3 * time.Second, "id: 42\nevent: tick\nretry: 3000\ndata: a\n\n"},
		{"", "", "a\nb\rc\r\nd", 0, "data: a\ndata: b\ndata: c\ndata: d\n\n"},
		{"", "", "a\n", 0, "data: a\ndata: \n\n"},
		{"", "", "\n\r\r\n", 0, "data: \ndata: \ndata: \ndata: \n\n"},
		{"", "", "\n\r", 0, "data: \ndata: \ndata: \n\n"},
		{"", "", "a\r\n\nb", 0, "data: a\ndata: \ndata: b\n\n"},
		{"", "", "\x00\ufeff\xff", 0, "data: \x00\ufeff\xff\n\n"},
		{"", " a: b", "", 0, "event:  a: b\ndata: \n\n"},
		{"a b", "", "", 0, "id: a b\ndata: \n\n"},
		{"", "", "", time.Nanosecond, "retry: 1\ndata: \n\n"},
		{"", "", "", 1500 * time.Microsecond, "retry: 2\ndata: \n\n"},
		{"", "", "", time.Millisecond, "retry: 1\ndata: \n\n"},
		{"", "", "", math.MaxInt64, "retry: 2147483647\ndata: \n\n"},
		{"", "", "", -time.Second, "data: \n\n"},
	}
	for _, tt := range tests {
		got, ok := wire.AppendEvent([]byte("x"), tt.id, tt.name, tt.data, tt.retry)
		if string(got) != "x"+tt.want || !ok {
			t.Errorf("AppendEvent(%q, %q, %q, %v) = %q, %v, want %q", tt.id, tt.name, tt.data, tt.retry, got, ok, tt.want)
		}
		same, ok := wire.AppendEventBytes([]byte("x"), tt.id, tt.name, []byte(tt.data), tt.retry)
		if !bytes.Equal(same, got) || !ok {
			t.Errorf("AppendEventBytes: %q, %v, want %q", same, ok, got)
		}
	}
}

func TestAppendEventRefuses(t *testing.T) {
	for _, tt := range []struct{ id, name string }{
		{"1\ndata: forged", ""},
		{"1\r", ""},
		{"", "tick\ndata: forged"},
		{"", "tick\rid: 7"},
		{"", "\n"},
	} {
		got, ok := wire.AppendEvent([]byte("x"), tt.id, tt.name, "a", time.Second)
		if string(got) != "x" || ok {
			t.Errorf("id %q, name %q: %q, %v", tt.id, tt.name, got, ok)
		}
		if got, ok := wire.AppendEventBytes(nil, tt.id, tt.name, nil, 0); len(got) != 0 || ok {
			t.Errorf("id %q, name %q, bytes: %q, %v", tt.id, tt.name, got, ok)
		}
	}
}

func TestValidEventID(t *testing.T) {
	for id, want := range map[string]bool{
		"":                                     true,
		"0":                                    true,
		"a-1:{\"x\": [~!]}":                    true,
		strings.Repeat("9", wire.MaxEventID):   true,
		strings.Repeat("9", wire.MaxEventID+1): false,
		" ":                                    false,
		" a":                                   false,
		"a ":                                   false,
		"a\nb":                                 false,
		"a\rb":                                 false,
		"a\x00b":                               false,
		"a\tb":                                 false,
		"a\x7f":                                false,
		"é":                                    false,
		"\xff":                                 false,
	} {
		if got := wire.ValidEventID(id); got != want {
			t.Errorf("%.40q: %v", id, got)
		}
	}
}

func TestAppendComment(t *testing.T) {
	for text, want := range map[string]string{
		"":              ":\n",
		"hi":            ": hi\n",
		" hi":           ":  hi\n",
		"a\r\nb\n":      ": a\n: b\n: \n",
		"\ndata: forge": ": \n: data: forge\n",
	} {
		if got := string(wire.AppendComment([]byte("x"), text)); got != "x"+want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestAppendRetry: nothing is dispatched, and the next event is not touched.
func TestAppendRetry(t *testing.T) {
	for retry, want := range map[time.Duration]string{
		0:                       "",
		-time.Second:            "",
		time.Microsecond:        "retry: 1\n\n",
		2500 * time.Millisecond: "retry: 2500\n\n",
	} {
		if got := string(wire.AppendRetry(nil, retry)); got != want {
			t.Errorf("%v: %q, want %q", retry, got, want)
		}
	}
}

// FuzzSSERoundTrip: the events and comments that go in come out of a parser written to the standard, whatever the pieces that they
// arrive in, and an event that is cut does not.
func FuzzSSERoundTrip(f *testing.F) {
	f.Add("1", "tick", "hello", int64(3_000_000_000), "ping", uint64(1))
	f.Add("", "", "", int64(0), "", uint64(2))
	f.Add("a b", " x", "a\n", int64(1), "\r\n", uint64(3))
	f.Add(" 1", "message", "\r\n\n\r\r", int64(-1), "\n: x\n\n", uint64(4))
	f.Add("\x00", "a\rb", " \ufeff: \x00", int64(math.MaxInt64), "data: x\n\nid: 1", uint64(5))
	f.Add("é", "\ufeff", "data: x\n\ndata: y\n\n", int64(1_500_000), "\u2028", uint64(6))
	f.Fuzz(func(t *testing.T, id, name, data string, retry int64, comment string, seed uint64) {
		var (
			stream    []byte
			want      []dispatched
			wantRetry string
			ok        bool
			lastID    string
		)
		for _, e := range []struct {
			dispatched
			retry time.Duration
		}{{dispatched{id, name, data}, time.Duration(retry)}, {dispatched{"", name, data + id}, 0}, {dispatched{"z", "", ""}, time.Duration(retry) / 2}} {
			stream = wire.AppendComment(stream, comment)
			before := len(stream)
			stream, ok = wire.AppendEvent(stream, e.id, e.name, e.data, e.retry)
			if ok != (wire.ValidEventID(e.id) && wire.ValidEventName(e.name)) || !ok && len(stream) != before {
				t.Fatalf("%+v: ok %v", e, ok)
			}
			if !ok {
				continue
			}
			if e.id != "" {
				lastID = e.id
			}
			if e.retry > 0 {
				wantRetry = strconv.FormatInt(min(int64((e.retry-1)/time.Millisecond)+1, math.MaxInt32), 10)
			}
			want = append(want, dispatched{lastID, e.name, newlines(e.data)})
			stream = wire.AppendRetry(stream, e.retry)
		}

		var es eventSource
		feedInPieces(&es, stream, seed)
		if !slices.Equal(es.events, want) || es.lastID != lastID || es.retry != wantRetry {
			t.Errorf("%q\ngot  %q, last id %q, retry %q\nwant %q, last id %q, retry %q", stream, es.events, es.lastID, es.retry, want, lastID, wantRetry)
		}
		lines := strings.Split(newlines(comment), "\n")
		if want := slices.Repeat(lines, 3); !slices.Equal(es.comments, want) {
			t.Errorf("comments %q, want %q", es.comments, want)
		}

		event, ok := wire.AppendEvent(nil, id, name, data, time.Duration(retry))
		if !ok {
			return
		}
		var cut eventSource
		cut.feed(event[:rand.New(rand.NewPCG(seed, 1)).IntN(len(event))])
		if len(cut.events) != 0 || cut.lastID != "" {
			t.Errorf("a part of %q is dispatched: %q, last id %q", event, cut.events, cut.lastID)
		}
	})
}

// newlines is what becomes of line ends within a text.
func newlines(s string) string { return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s) }

func feedInPieces(es *eventSource, stream []byte, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	for len(stream) > 0 {
		n := 1 + rnd.IntN(min(len(stream), 40))
		es.feed(stream[:n])
		stream = stream[n:]
	}
}

func BenchmarkAppendEvent(b *testing.B) {
	lines := strings.Repeat(strings.Repeat("x", 60)+"\n", 64)
	for _, bench := range []struct{ name, data string }{
		{"64B", strings.Repeat("x", 64)},
		{"4KiB", strings.Repeat("x", 4096)},
		{"4KiB in 64 lines", lines},
		{"1MiB of CR", strings.Repeat("\r", 1<<20)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var buf []byte
			b.SetBytes(int64(len(bench.data)))
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = wire.AppendEvent(buf[:0], "1234-5678", "tick", bench.data, 0)
			}
		})
	}
}

func BenchmarkValidEventID(b *testing.B) {
	for b.Loop() {
		if !wire.ValidEventID("18c2f3a5d1e0-0000000000001234") {
			b.Fatal("refused")
		}
	}
}
