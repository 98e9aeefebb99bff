package quarttest

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
)

func TestEventDecoder(t *testing.T) {
	tests := []struct {
		name, stream string
		want         []quart.Event
		lastID       string
	}{
		{"the standard's stocks", "data: YHOO\ndata: +2\ndata: 10\n\n", []quart.Event{{Data: "YHOO\n+2\n10"}}, ""},
		{
			"the standard's four blocks", ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event",
			[]quart.Event{{ID: "1", Data: "first event"}, {Data: "second event"}},
			"",
		},
		{"the standard's empty data", "data\n\ndata\ndata\n\ndata:", []quart.Event{{}, {Data: "\n"}}, ""},
		{"one space", "data:test\n\ndata: test\n\ndata:  test\n\n", []quart.Event{{Data: "test"}, {Data: "test"}, {Data: " test"}}, ""},
		{"line ends", "data: a\rdata: b\r\ndata: c\n\rdata: d\r\n\r\n", []quart.Event{{Data: "a\nb\nc"}, {Data: "d"}}, ""},
		{"all fields", "id: 1\nevent: x\nretry: 20\ndata: y\n\n", []quart.Event{{ID: "1", Name: "x", Data: "y", Retry: 20 * time.Millisecond}}, "1"},
		{"BOM once", "\ufeffdata: a\n\n\ufeffdata: b\n\n", []quart.Event{{Data: "a"}}, ""},
		{"name without data", "event: x\n\ndata: a\n\n", []quart.Event{{Data: "a"}}, ""},
		{"id without data", "id: 1\n\ndata: a\n\n", []quart.Event{{Data: "a"}}, "1"},
		{"id of an unfinished block", "id: 1\n\nid: 2\ndata: a\n", nil, "1"},
		{"empty id resets", "id: 1\ndata: a\n\nid:\ndata: b\n\n", []quart.Event{{ID: "1", Data: "a"}, {Data: "b"}}, ""},
		{"id with NUL", "id: 1\nid: 2\x00\ndata: a\n\n", []quart.Event{{ID: "1", Data: "a"}}, "1"},
		{"malformed retry", "retry: +5\nretry: 1e3\nretry\nretry: -1\nretry: 0x1\nretry: 1_0\ndata\n\n", []quart.Event{{}}, ""},
		{"huge retry", "retry: 99999999999999999999\ndata\n\n", []quart.Event{{Retry: math.MaxInt64 / time.Millisecond * time.Millisecond}}, ""},
		{"other fields", "Data: a\nfoo: b\n data: c\n\n", nil, ""},
		{"no UTF-8", "event: \xff\ndata: a\xc3\ndata: \xa9\n\n", []quart.Event{{Name: "\ufffd", Data: "a\ufffd\n\ufffd"}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d eventDecoder
			if err := d.write([]byte(tt.stream)); err != nil || !slices.Equal(d.events, tt.want) || d.lastID != tt.lastID {
				t.Errorf("%+v, last id %q, %v; want %+v, last id %q", d.events, d.lastID, err, tt.want, tt.lastID)
			}
		})
	}
}

// TestEventDecoderAtOnce: an event is there with the line end of its blank line, also when that could still become CR LF.
func TestEventDecoderAtOnce(t *testing.T) {
	for _, end := range []string{"\n", "\r", "\r\n"} {
		var d eventDecoder
		_ = d.write([]byte("data: a" + end + end[:1]))
		if len(d.events) != 1 || d.unfinished() {
			t.Errorf("%q: %+v", end, d.events)
		}
		_ = d.write([]byte(end[1:] + "data: b" + end + end))
		if want := []quart.Event{{Data: "a"}, {Data: "b"}}; !slices.Equal(d.events, want) {
			t.Errorf("%q: %+v", end, d.events)
		}
	}
}

func TestEventDecoderUnfinished(t *testing.T) {
	for stream, want := range map[string]bool{
		"":                     false,
		": ping\n":             false,
		"data: a\n\n":          false,
		"id: 1\n\n: ping\n":    false,
		"foo: bar\n":           false,
		": pin":                true,
		"data: a\n":            true,
		"data\n":               true,
		"event: a\n":           true,
		"id: 1\n":              true,
		"id: 1\n\nid\n":        true,
		"retry: 1\n":           true,
		"data: a\r\n\r\ndata:": true,
	} {
		var d eventDecoder
		if _ = d.write([]byte(stream)); d.unfinished() != want {
			t.Errorf("%q: unfinished %v", stream, !want)
		}
	}
}

func TestEventDecoderLimit(t *testing.T) {
	long := []byte("data: " + strings.Repeat("x", maxEvent/4) + "\n")
	var d eventDecoder
	for i := range 4 {
		if err := d.write(long); (err != nil) != (i == 3) {
			t.Fatalf("after %d lines: %v", i+1, err)
		}
	}
	d = eventDecoder{}
	if err := d.write(make([]byte, maxEvent+1)); err == nil {
		t.Error("a line without end is taken")
	}
}

// FuzzEventDecoder: whatever the pieces, the result is that of an interpreter that has the whole stream and splits it into lines first.
func FuzzEventDecoder(f *testing.F) {
	f.Add([]byte("\ufeff: hi\r\nid: 1\revent: x\ndata: a\r\n\r\ndata: b\n\n"), uint64(1))
	f.Add([]byte("data\r\rdata:\r\n\rdata: \xff\n\nid\x00\n\n"), uint64(2))
	f.Add([]byte("retry: 10\nretry: 18446744073709551616\n\nid: a\n\nid: b"), uint64(3))
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		var d eventDecoder
		rnd := rand.New(rand.NewPCG(seed, 0))
		for rest := stream; len(rest) > 0; {
			n := 1 + rnd.IntN(min(len(rest), 20))
			if err := d.write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		want, lastID, comments := interpret(string(stream))
		if !slices.Equal(d.events, want) || d.lastID != lastID || len(d.comments) != comments {
			t.Errorf("%q\ngot  %+v, last id %q, %d comments\nwant %+v, last id %q, %d comments",
				stream, d.events, d.lastID, len(d.comments), want, lastID, comments)
		}
	})
}

// interpret has blocks of lines where eventDecoder has states.
func interpret(stream string) (events []quart.Event, lastID string, comments int) {
	stream = strings.TrimPrefix(stream, "\ufeff")
	stream = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(stream)
	lines := strings.Split(stream, "\n")
	lines = lines[:len(lines)-1] // without an end
	for len(lines) > 0 {
		end := slices.Index(lines, "")
		block := lines
		if end >= 0 {
			block = lines[:end]
		}
		e, hasData, hasID, n := interpretBlock(block)
		comments += n
		if end < 0 {
			break
		}
		if hasID {
			lastID = e.ID
		}
		if hasData {
			events = append(events, e)
		}
		lines = lines[end+1:]
	}
	return events, lastID, comments
}

func interpretBlock(lines []string) (e quart.Event, hasData, hasID bool, comments int) {
	var data []string
	for _, line := range lines {
		if line[0] == ':' {
			comments++
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		if value != "" && value[0] == ' ' {
			value = value[1:]
		}
		text := string([]rune(value))
		switch {
		case field == "data":
			data = append(data, text)
		case field == "event":
			e.Name = text
		case field == "id" && !strings.Contains(value, "\x00"):
			e.ID, hasID = text, true
		case field == "retry" && value != "" && strings.Trim(value, "0123456789") == "":
			var d eventDecoder
			d.setRetry(value)
			e.Retry = d.retry
		}
	}
	e.Data = strings.Join(data, "\n")
	return e, len(data) > 0, hasID, comments
}
