package http2_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// frame is one that nghttp received, with the fields of its header block.
type frame struct {
	kind   string
	stream int
	length int
	ended  bool // END_STREAM
	fields [][2]string
	text   string // what nghttp says about its payload
}

func (f frame) get(name string) string {
	for _, field := range f.fields {
		if field[0] == name {
			return field[1]
		}
	}
	return ""
}

var (
	receivedField = regexp.MustCompile(`\] recv \(stream_id=(\d+)\) (:?[^:]*): (.*)$`)
	receivedFrame = regexp.MustCompile(`\] recv ([A-Z_]+) frame <length=(\d+), flags=0x([0-9a-f]+), stream_id=(\d+)>`)
)

// nghttp runs it and returns the frames that it received, in their order.
func nghttp(t *testing.T, args ...string) (frames []frame) {
	t.Helper()
	out, err := command("nghttp", append([]string{"--no-verify-peer", "--null-out", "--verbose", "--timeout", "60"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	var fields [][2]string // of the frame that is about to come
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if m := receivedField.FindStringSubmatch(line); m != nil {
			fields = append(fields, [2]string{m[2], m[3]})
		} else if m := receivedFrame.FindStringSubmatch(line); m != nil {
			f := frame{kind: m[1], fields: fields}
			f.length, _ = strconv.Atoi(m[2])
			f.stream, _ = strconv.Atoi(m[4])
			flags, _ := strconv.ParseUint(m[3], 16, 8)
			f.ended = flags&1 != 0 && (f.kind == "HEADERS" || f.kind == "DATA")
			frames, fields = append(frames, f), nil
		} else if len(frames) > 0 {
			frames[len(frames)-1].text += line + "\n"
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("nghttp %.300q:\n%.3000s", args, out)
		}
	})
	return frames
}

// blocks are the header blocks of a stream: informational ones, the response, trailers.
func blocks(frames []frame, stream int) (list []frame) {
	for _, f := range frames {
		if f.kind == "HEADERS" && f.stream == stream {
			list = append(list, f)
		}
	}
	return list
}

// ofKind are the frames of a kind.
func ofKind(frames []frame, kind string) (list []frame) {
	for _, f := range frames {
		if f.kind == kind {
			list = append(list, f)
		}
	}
	return list
}

// firstStream is that of nghttp's first request: it uses the ones before for priorities.
func firstStream(frames []frame) int {
	for _, f := range frames {
		if f.kind == "HEADERS" && f.stream%2 == 1 {
			return f.stream
		}
	}
	return 0
}

// wantAnswers wants n streams of the client's that ended with a response of this status, and nothing that went wrong.
func wantAnswers(t *testing.T, frames []frame, n int, status string) {
	t.Helper()
	ended := 0
	for _, f := range frames {
		switch {
		case f.kind == "RST_STREAM" || f.kind == "GOAWAY" && !strings.Contains(f.text, "NO_ERROR"):
			t.Errorf("a %s frame: %s", f.kind, f.text)
		case f.ended && f.stream%2 == 1:
			ended++
		}
		if got := f.get(":status"); got != "" && got[0] != '1' && f.stream%2 == 1 && got != status {
			t.Errorf("status %s on stream %d, want %s", got, f.stream, status)
		}
	}
	if ended != n {
		t.Errorf("%d streams ended, want %d", ended, n)
	}
}

// dataBytes is how many bytes of data came on the client's streams.
func dataBytes(frames []frame) (n int) {
	for _, f := range ofKind(frames, "DATA") {
		if f.stream%2 == 1 {
			n += f.length
		}
	}
	return n
}

// TestNghttp: what nghttp2's client, which shows each frame, sees and does.
func TestNghttp(t *testing.T) {
	need(t, "nghttp")
	s := start(t)
	for _, tr := range append(transports, transport{"by upgrade", false}) {
		t.Run(tr.name, func(t *testing.T) {
			var args []string
			if tr.name == "by upgrade" {
				args = []string{"--upgrade"}
			}
			get := func(t *testing.T, path string, more ...string) []frame {
				t.Helper()
				return nghttp(t, append(append(slices.Clone(args), more...), s.url(tr, path))...)
			}
			t.Run("hints and push", func(t *testing.T) { nghttpHints(t, get) })
			t.Run("trailers follow the body", func(t *testing.T) { nghttpTrailers(t, get(t, "/trailers")) })
			t.Run("windows", func(t *testing.T) { nghttpWindows(t, get) })
			t.Run("settings and frames", func(t *testing.T) { nghttpFrames(t, get) })
			if len(args) == 0 { // with a body nghttp upgrades by OPTIONS
				t.Run("bodies", func(t *testing.T) { nghttpBodies(t, get) })
			}
		})
	}
}

type getter func(t *testing.T, path string, more ...string) []frame

func nghttpHints(t *testing.T, get getter) {
	const link = "</style.css>; rel=preload; as=style"
	wantHints := func(t *testing.T, frames []frame) {
		t.Helper()
		list := blocks(frames, firstStream(frames))
		if len(list) != 2 || list[0].get(":status") != "103" || list[1].get(":status") != "200" {
			t.Fatalf("header blocks are %v, want a 103 and a 200", list)
		}
		for _, f := range list {
			if f.get("link") != link {
				t.Errorf("link is %q", f.get("link"))
			}
		}
		wantAnswers(t, frames, 1, "200")
	}
	t.Run("a client that allows it gets the stylesheet pushed", func(t *testing.T) {
		frames := get(t, "/hints")
		wantHints(t, frames)
		promises := ofKind(frames, "PUSH_PROMISE")
		if len(promises) != 1 || promises[0].get(":path") != "/style.css" || promises[0].get(":method") != "GET" {
			t.Fatalf("%d promises: %v", len(promises), promises)
		}
		if promises[0].stream != firstStream(frames) {
			t.Errorf("the promise comes on stream %d", promises[0].stream)
		}
		pushed := blocks(frames, 2)
		if len(pushed) != 1 || pushed[0].get(":status") != "200" {
			t.Errorf("pushed: %v", pushed)
		}
		if i, j := slices.IndexFunc(frames, isPromise), slices.IndexFunc(frames, isFinal); i > j {
			t.Errorf("the promise is frame %d, behind the answer's head, which is %d", i, j)
		}
	})
	t.Run("a client that forbids it gets the 103 alone", func(t *testing.T) {
		frames := get(t, "/hints", "--no-push")
		wantHints(t, frames)
		for _, f := range frames {
			if f.kind == "PUSH_PROMISE" || f.stream != 0 && f.stream%2 == 0 {
				t.Errorf("a %s frame on stream %d", f.kind, f.stream)
			}
		}
	})
	t.Run("no more streams are pushed than the client allows", func(t *testing.T) {
		frames := get(t, "/hints", "--max-concurrent-streams=0")
		wantHints(t, frames)
		if blocks(frames, 2) != nil {
			t.Error("a pushed stream")
		}
	})
}

func isPromise(f frame) bool { return f.kind == "PUSH_PROMISE" }

func isFinal(f frame) bool {
	return f.kind == "HEADERS" && f.stream%2 == 1 && !strings.HasPrefix(f.get(":status"), "1")
}

func nghttpTrailers(t *testing.T, frames []frame) {
	list := blocks(frames, firstStream(frames))
	if len(list) != 2 {
		t.Fatalf("header blocks are %v", list)
	}
	if got := list[0].get("trailer"); !strings.EqualFold(got, "x-checksum") {
		t.Errorf("trailer announces %q", got)
	}
	sum := sha256.Sum256([]byte("line 0\nline 1\nline 2\n"))
	if got := list[1].get("x-checksum"); got != hex.EncodeToString(sum[:]) || len(list[1].fields) != 1 || !list[1].ended {
		t.Errorf("trailers are %v, ended: %v", list[1].fields, list[1].ended)
	}
	wantAnswers(t, frames, 1, "200")
}

func nghttpWindows(t *testing.T, get getter) {
	t.Run("a window of one byte is respected", func(t *testing.T) {
		frames := get(t, "/users/ada-lovelace", "--window-bits=1")
		wantAnswers(t, frames, 1, "200")
		for _, f := range ofKind(frames, "DATA") {
			if f.length > 1 {
				t.Errorf("a DATA frame of %d bytes", f.length)
			}
		}
		if got := dataBytes(frames); got != len("ada-lovelace") {
			t.Errorf("%d bytes", got)
		}
	})
	// nghttp does not lower the window of the connection under the 65,535 that it begins with.
	for _, bits := range []string{"10", "16", "20", "30"} {
		t.Run("a stream of 2 MiB through windows of "+bits+" bits", func(t *testing.T) {
			frames := get(t, "/stream?n=64&size=32768", "--window-bits="+bits, "--connection-window-bits="+bits)
			wantAnswers(t, frames, 1, "200")
			if got := dataBytes(frames); got != 2<<20 {
				t.Errorf("%d bytes", got)
			}
		})
	}
	t.Run("forty downloads share the windows", func(t *testing.T) {
		frames := get(t, "/stream?n=8&size=32768", "--multiply=40", "--window-bits=14", "--connection-window-bits=16")
		wantAnswers(t, frames, 40, "200")
		if got := dataBytes(frames); got != 40*8*32768 {
			t.Errorf("%d bytes", got)
		}
	})
}

func nghttpFrames(t *testing.T, get getter) {
	for _, tt := range []struct {
		name   string
		args   []string
		n      int
		status string
	}{
		{"a hundred requests at once", []string{"--multiply=100"}, 100, "200"},
		{"priorities of RFC 7540 are taken", []string{"--multiply=5", "--weight=1", "--weight=256"}, 5, "200"},
		{"and so is their absence", []string{"--multiply=5", "--no-dep", "--no-rfc7540-pri"}, 5, "200"},
		{"the priority of RFC 9218 is taken", []string{"--header=priority: u=0, i", "--multiply=5"}, 5, "200"},
		{"padded frames are taken", []string{"--padding=255", "--multiply=10"}, 10, "200"},
		{"a table of no bytes", []string{"--header-table-size=0", "--multiply=10"}, 10, "200"},
		{"a table that shrinks and grows again", []string{"--header-table-size=0", "--header-table-size=65536", "--multiply=10"}, 10, "200"},
		{"a client's encoder without a table", []string{"--encoder-header-table-size=0", "--multiply=10"}, 10, "200"},
		{"a HEAD has no data", []string{"--header=:method: HEAD", "--multiply=3"}, 3, "200"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			frames := get(t, "/plaintext", tt.args...)
			wantAnswers(t, frames, tt.n, tt.status)
			want := 13 * tt.n
			if strings.Contains(strings.Join(tt.args, " "), "HEAD") {
				want = 0
			}
			if got := dataBytes(frames); got != want {
				t.Errorf("%d bytes of data, want %d", got, want)
			}
		})
	}
	t.Run("headers over the limit are answered 431", func(t *testing.T) {
		if strings.Contains(t.Name(), "upgrade") {
			t.Skip("that answer is one of HTTP/1.1")
		}
		field := "--header=x-large: " + strings.Repeat("~", 18<<10) // Huffman coding does not make it smaller
		frames := get(t, "/plaintext", field)
		wantStatus(t, frames, "431")
	})
	t.Run("headers in a frame and its continuations are read", func(t *testing.T) {
		// Not over the limit of 16 KiB, but over it with all that Huffman coding adds: nghttp sends them literally.
		var args []string
		for i := range 3 {
			args = append(args, fmt.Sprintf("--header=x-%d: %s", i, strings.Repeat("v", 4<<10)))
		}
		wantAnswers(t, get(t, "/plaintext", args...), 1, "200")
	})
}

// wantStatus wants the first request answered with a status, whatever follows.
func wantStatus(t *testing.T, frames []frame, status string) {
	t.Helper()
	list := blocks(frames, firstStream(frames))
	if len(list) == 0 || list[len(list)-1].get(":status") != status {
		t.Errorf("header blocks are %v, want status %s", list, status)
	}
}

func nghttpBodies(t *testing.T, get getter) {
	for _, size := range []int{0, 1, 16_384, 200_000, 1 << 20} {
		data := noise(size)
		for _, tt := range []struct {
			name string
			args []string
		}{
			{"", nil},
			{" with padding", []string{"--padding=256"}},
			{" without a length", []string{"--no-content-length"}},
			{" with trailers", []string{"--trailer=x-check: 1", "--trailer=x-more: 2"}},
			{" five times at once", []string{"--multiply=5"}},
		} {
			t.Run(fmt.Sprintf("%d bytes come back%s", size, tt.name), func(t *testing.T) {
				frames := get(t, "/echo", append(tt.args, "--data="+file(t, data))...)
				n := 1
				if slices.Contains(tt.args, "--multiply=5") {
					n = 5
				}
				wantAnswers(t, frames, n, "200")
				if got := dataBytes(frames); got != n*size {
					t.Errorf("%d bytes", got)
				}
			})
		}
	}
	t.Run("a 100 comes before the body is sent", func(t *testing.T) {
		frames := get(t, "/echo", "--expect-continue", "--data="+file(t, noise(1000)))
		list := blocks(frames, firstStream(frames))
		if len(list) != 2 || list[0].get(":status") != "100" || list[1].get(":status") != "200" {
			t.Errorf("header blocks are %v", list)
		}
	})
	t.Run("a 413 comes before the body is through", func(t *testing.T) {
		frames := get(t, "/echo", "--data="+file(t, noise(5<<20)))
		wantStatus(t, frames, "413")
		for _, f := range ofKind(frames, "RST_STREAM") {
			if !strings.Contains(f.text, "NO_ERROR") {
				t.Errorf("a reset: %s", f.text)
			}
		}
	})
}
