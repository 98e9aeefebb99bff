package quarttest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2/hpack"
)

// script is the app's end of a connection, played by hand.
type script struct {
	net.Conn
	r      *bufio.Reader
	buf    []byte
	block  bytes.Buffer
	fields *hpack.Encoder
}

// byScript is a client of H2C whose nth connection is played by the nth of plays; the last one plays all that follow. Each begins
// behind the client's preface and the settings of both.
func byScript(t testing.TB, settings [][2]uint32, plays ...func(s *script)) *Client {
	t.Helper()
	return newClient(t, H2C, func(ctx context.Context, l net.Listener) error {
		context.AfterFunc(ctx, func() { _ = l.Close() })
		var playing sync.WaitGroup
		for i := 0; ; i++ {
			nc, err := l.Accept()
			if err != nil {
				playing.Wait()
				return nil
			}
			playing.Go(func() {
				defer nc.Close()
				s := &script{Conn: nc, r: bufio.NewReader(nc), buf: make([]byte, maxFrame)}
				s.fields = hpack.NewEncoder(&s.block)
				got := make([]byte, len(preface))
				if _, err := io.ReadFull(s.r, got); err != nil || string(got) != preface {
					t.Errorf("preface %q, %v", got, err)
				}
				if settings != nil {
					s.write(appendSettings(nil, settings...))
				}
				plays[min(i, len(plays)-1)](s)
				_, _ = io.Copy(io.Discard, s.r) // until the client leaves
			})
		}
	})
}

var noSettings = [][2]uint32{}

func (s *script) write(b []byte) { _, _ = s.Write(b) }

func (s *script) frame(kind frameType, flags byte, stream uint32, payload string) {
	s.write(appendFrame(nil, kind, flags, stream, []byte(payload)))
}

// await returns the next frame of that type.
func (s *script) await(kind frameType) frame {
	for {
		f, err := readFrame(s.r, s.buf)
		if err != nil || f.kind == kind && !(kind == frameSettings && f.has(flagAck)) {
			return f
		}
	}
}

func (s *script) head(stream uint32, flags byte, pairs ...string) {
	s.write(appendBlock(nil, flags, stream, s.encode(pairs...), maxFrame))
}

func (s *script) encode(pairs ...string) []byte {
	s.block.Reset()
	for i := 0; i < len(pairs); i += 2 {
		_ = s.fields.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return bytes.Clone(s.block.Bytes())
}

func (s *script) answer(stream uint32, text string) {
	s.head(stream, 0, ":status", "200")
	s.frame(frameData, flagEndStream, stream, text)
}

// TestH2Malformed: the client is as strict with HTTP/2 as RFC 9113 says.
func TestH2Malformed(t *testing.T) {
	number := func(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }
	tests := []struct {
		name string
		play func(s *script)
		want string // in the error, or behind * in GOAWAY; "" for a response with the body "hi"
	}{
		{"fine", func(s *script) { s.answer(1, "hi") }, ""},
		{"in pieces", func(s *script) {
			block := s.encode(":status", "200", "content-length", "2")
			s.frame(frameHeaders, 0, 1, string(block[:1]))
			s.frame(frameContinuation, flagEndHeaders, 1, string(block[1:]))
			s.frame(frameData, flagPadded, 1, "\x03h\x00\x00\x00")
			s.frame(frameData, flagPadded|flagEndStream, 1, "\x00i")
		}, ""},
		{"empty DATA, PRIORITY and what nobody knows between", func(s *script) {
			s.frame(0x77, 0xff, 9, "?")
			s.head(1, 0, ":status", "200")
			s.frame(frameData, 0, 1, "hi")
			s.frame(framePriority, 0, 3, "\x00\x00\x00\x01\x00")
			s.frame(frameData, flagEndStream, 1, "")
		}, ""},
		{"reset behind the end", func(s *script) { s.answer(1, "hi"); s.frame(frameReset, 0, 1, number(0)) }, ""},
		{"nothing", func(s *script) { _ = s.Close() }, "no response: EOF"},
		{"reset", func(s *script) { s.frame(frameReset, 0, 1, number(2)) }, "the app has reset the stream: INTERNAL_ERROR"},
		{"refused", func(s *script) { s.frame(frameReset, 0, 1, number(7)) }, "refused the request: REFUSED_STREAM"},
		{"cut in the body", func(s *script) { s.head(1, 0, ":status", "200"); s.frame(frameData, 0, 1, "h"); _ = s.Close() }, "response 200: body: unexpected EOF"},
		{"reset in the body", func(s *script) {
			s.head(1, 0, ":status", "200")
			s.frame(frameData, 0, 1, "h")
			s.frame(frameReset, 0, 1, number(0))
		}, "response 200: body: the app has reset the stream: NO_ERROR"},
		{"GOAWAY with an error", func(s *script) { s.frame(frameGoAway, 0, 0, number(1)+number(0xb)+"calm down") }, "the app ends the connection: ENHANCE_YOUR_CALM calm down"},
		{"too short", func(s *script) {
			s.head(1, 0, ":status", "200", "content-length", "3")
			s.frame(frameData, flagEndStream, 1, "hi")
		}, "malformed: 1 bytes of body missing"},
		{"too long", func(s *script) {
			s.head(1, 0, ":status", "200", "content-length", "1")
			s.frame(frameData, flagEndStream, 1, "hi")
		}, "malformed: 1 bytes of body too many"},
		{"two lengths", func(s *script) { s.head(1, 0, ":status", "200", "content-length", "2", "content-length", "2") }, "2 lines of Content-Length"},
		{"body of a 204", func(s *script) { s.head(1, 0, ":status", "204"); s.frame(frameData, flagEndStream, 1, "hi") }, "2 bytes of body too many"},
		{"body without a head", func(s *script) { s.frame(frameData, flagEndStream, 1, "hi") }, "a body without a head"},
		{"no status", func(s *script) { s.head(1, flagEndStream, "a", "b") }, "does not begin with :status"},
		{"bad status", func(s *script) { s.head(1, flagEndStream, ":status", "20x") }, `:status "20x"`},
		{"101", func(s *script) { s.head(1, 0, ":status", "101") }, `:status "101"`},
		{"103 that ends the stream", func(s *script) { s.head(1, flagEndStream, ":status", "103") }, "a stream that ends with 103"},
		{"two statuses", func(s *script) { s.head(1, flagEndStream, ":status", "200", ":status", "200") }, `the field name ":status"`},
		{"capitals", func(s *script) { s.head(1, flagEndStream, ":status", "200", "X-A", "b") }, `the field name "X-A"`},
		{"LF in a value", func(s *script) { s.head(1, flagEndStream, ":status", "200", "a", "b\nc") }, "the value \"b\\nc\" of the field a"},
		{"space around a value", func(s *script) { s.head(1, flagEndStream, ":status", "200", "a", " b") }, "of the field a"},
		{"connection", func(s *script) { s.head(1, flagEndStream, ":status", "200", "connection", "close") }, "the field connection, which HTTP/2 does not have"},
		{"chunked", func(s *script) { s.head(1, flagEndStream, ":status", "200", "transfer-encoding", "chunked") }, "the field transfer-encoding"},
		{"trailer with a status", func(s *script) { s.head(1, 0, ":status", "200"); s.head(1, flagEndStream, ":status", "200") }, `the field name ":status"`},
		{"trailer in the middle", func(s *script) { s.head(1, 0, ":status", "200"); s.head(1, 0, "a", "b") }, "a trailer that does not end the stream"},

		{"idle stream", func(s *script) { s.head(3, flagEndStream, ":status", "200") }, "the stream 3, which nobody has opened"},
		{"even stream", func(s *script) { s.frame(frameData, 0, 2, "") }, "the stream 2, which nobody has opened"},
		{"DATA of the connection", func(s *script) { s.frame(frameData, 0, 0, "x") }, "the stream 0"},
		{"DATA behind the end", func(s *script) { s.head(1, flagEndStream, ":status", "200"); s.frame(frameData, 0, 1, "x") }, "*STREAM_CLOSED"},
		{"long frame", func(s *script) { s.write([]byte("\x00\x40\x01\x00\x00\x00\x00\x00\x01")) }, "a frame of 16385 bytes"},
		{"push", func(s *script) { s.frame(framePush, flagEndHeaders, 1, number(2)) }, "PUSH_PROMISE"},
		{"CONTINUATION alone", func(s *script) { s.frame(frameContinuation, flagEndHeaders, 1, "") }, "CONTINUATION without HEADERS"},
		{"PING within a block", func(s *script) { s.frame(frameHeaders, 0, 1, ""); s.frame(framePing, 0, 0, "12345678") }, "a frame of type 6 within a header block"},
		{"endless block", func(s *script) {
			s.frame(frameHeaders, 0, 1, "")
			for range 5 {
				s.frame(frameContinuation, 0, 1, strings.Repeat("\x00\x01a\x00", maxFrame/4))
			}
		}, "a header block of over 65536 bytes"},
		{"HPACK", func(s *script) { s.frame(frameHeaders, flagEndHeaders, 1, "\xff\xff\xff\x7f") }, "*COMPRESSION_ERROR"},
		{"padding", func(s *script) { s.frame(frameData, flagPadded, 1, "\x09x") }, "padding of 9 bytes in a frame with 1 left"},
		{"window beyond its end", func(s *script) { s.frame(frameWindow, 0, 1, number(maxWindow)) }, "WINDOW_UPDATE by 2147483647 of a stream"},
		{"window of the connection beyond its end", func(s *script) { s.frame(frameWindow, 0, 0, number(maxWindow)) }, "WINDOW_UPDATE by 2147483647 of the connection"},
		{"SETTINGS", func(s *script) { s.frame(frameSettings, 0, 0, "\x00\x02\x00\x00\x00\x01") }, "SETTINGS_ENABLE_PUSH 1"},
		{"cut SETTINGS", func(s *script) { s.frame(frameSettings, 0, 0, "\x00\x02") }, "SETTINGS of 2 bytes"},
		{"short PING", func(s *script) { s.frame(framePing, 0, 0, "1") }, "a frame of type 6 with 1 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				played := make(chan struct{})
				cl := byScript(t, noSettings, func(s *script) {
					defer close(played)
					s.await(frameHeaders)
					tt.play(s)
					if code, ok := strings.CutPrefix(tt.want, "*"); ok {
						f := s.await(frameGoAway)
						if len(f.payload) < 8 || errorCode(binary.BigEndian.Uint32(f.payload[4:])).String() != code {
							t.Errorf("GOAWAY %x, want %s", f.payload, code)
						}
					}
				})
				resp, err := cl.Get("/").Try()
				<-played
				switch {
				case strings.HasPrefix(tt.want, "*"):
				case tt.want == "" && (err != nil || resp.Text() != "hi"):
					t.Errorf("%+v, %v", resp, err)
				case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
					t.Errorf("error %v, want %q", err, tt.want)
				}
			})
		})
	}
}

// TestH2Start: what an app says first.
func TestH2Start(t *testing.T) {
	tests := []struct {
		name     string
		settings [][2]uint32
		play     func(s *script)
		want     string
	}{
		{"HTTP/1.1", nil, func(s *script) { s.write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, `dial: the app speaks no HTTP/2 here, it answers "HTTP/1.1 400 Bad Request"`},
		{"nothing", nil, func(*script) {}, "dial: the app sends no SETTINGS: i/o timeout"},
		{"close", nil, func(s *script) { _ = s.Close() }, "dial: EOF"},
		{"PING", nil, func(s *script) { s.frame(framePing, 0, 0, "12345678") }, "it begins with a frame of type 6"},
		{"silence", noSettings, func(*script) {}, "no response: i/o timeout"},
		{"no streams", [][2]uint32{{settingStreams, 0}}, func(*script) {}, "send: no stream gets free: i/o timeout"},
		{"small frames", [][2]uint32{{settingFrameSize, 100}}, func(*script) {}, "SETTINGS_MAX_FRAME_SIZE 100"},
		{"leaving at once", noSettings, func(s *script) { s.frame(frameGoAway, 0, 0, strings.Repeat("\x00", 8)) }, "takes no more requests"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if _, err := byScript(t, tt.settings, tt.play).Get("/").Try(); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want %q", err, tt.want)
				}
			})
		})
	}
}

// TestH2GoAway: a request that the app has not looked at goes over another connection, one that it has goes on.
func TestH2GoAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looked := make(chan struct{})
		cl := byScript(t, noSettings, func(s *script) {
			s.await(frameHeaders)
			close(looked)
			s.await(frameHeaders)
			s.frame(frameGoAway, 0, 0, "\x00\x00\x00\x01\x00\x00\x00\x00")
			time.Sleep(time.Second)
			s.answer(1, "first")
			if n, err := io.Copy(io.Discard, s.r); n != 0 && err != nil {
				t.Errorf("the connection is open still: %v", err)
			}
		}, func(s *script) {
			s.answer(s.await(frameHeaders).stream, "second")
			s.answer(s.await(frameHeaders).stream, "third")
		})
		var wg sync.WaitGroup
		wg.Go(func() {
			if got := cl.Get("/1").Send().Text(); got != "first" {
				t.Errorf("first request: %q", got)
			}
		})
		<-looked
		if got := cl.Get("/2").Send().Text(); got != "second" {
			t.Errorf("second request: %q", got)
		}
		wg.Wait()
		if got := cl.Get("/3").Send().Text(); got != "third" {
			t.Errorf("third request: %q", got)
		}
	})
}

// TestH2Windows: the client sends what it may, and no more; a change of the initial window counts for streams that are open.
func TestH2Windows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := strings.Repeat("0123456789", 20_000)
		cl := byScript(t, [][2]uint32{{settingWindow, 10}, {settingFrameSize, 1 << 20}, {settingTableSize, 0}}, func(s *script) {
			s.await(frameHeaders)
			s.buf = make([]byte, 1<<20)
			got := string(s.await(frameData).payload)
			if got != body[:10] {
				t.Errorf("a window of 10, and %d bytes came", len(got))
			}
			more := func(want int) {
				synctest.Wait()
				for len(got) < want {
					got += string(s.await(frameData).payload)
				}
				if len(got) != want {
					t.Errorf("%d bytes came, want %d", len(got), want)
				}
			}
			s.write(appendNumber(nil, frameWindow, 1, 5))
			more(15)
			s.write(appendSettings(nil, [2]uint32{settingWindow, 1000}))
			more(1005)
			s.write(appendSettings(nil, [2]uint32{settingWindow, 1})) // leaves a window below zero
			s.write(appendNumber(nil, frameWindow, 1, 998))
			s.write(appendNumber(nil, frameWindow, 1, 2))
			more(1006)
			s.write(appendNumber(nil, frameWindow, 1, 1<<20))
			more(65535) // of the connection
			s.write(appendNumber(nil, frameWindow, 0, 1<<20))
			more(len(body))
			if got != body {
				t.Error("another body")
			}
			s.answer(1, "hi")
		})
		if got := cl.Post("/").Body("", []byte(body)).Want(200).Text(); got != "hi" {
			t.Errorf("answer %q", got)
		}
	})
}

// TestH2Chores: what a client does besides requests.
func TestH2Chores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		retired := make(chan struct{})
		cl := byScript(t, noSettings, func(s *script) {
			if f := s.await(frameSettings); string(f.payload) != "\x00\x02\x00\x00\x00\x00\x00\x06\x00\x01\x00\x00" {
				t.Errorf("settings %x", f.payload)
			}
			s.await(frameHeaders)
			s.frame(framePing, 0, 0, "12345678")
			if f := s.await(framePing); !f.has(flagAck) || string(f.payload) != "12345678" {
				t.Errorf("PING %+v", f)
			}
			s.frame(framePing, flagAck, 0, "12345678")
			<-retired
			s.write(appendFrame(nil, frameHeaders, flagPadded|flagPriority|flagEndHeaders, 1, append([]byte("\x02\x00\x00\x00\x00\x00"), append(s.encode(":status", "200"), 0, 0)...)))
			s.frame(frameData, flagEndStream, 1, s.RemoteAddr().String())
			if _, err := s.r.ReadByte(); err == nil {
				t.Error("the connection stays open")
			}
		}, func(s *script) {
			s.answer(s.await(frameHeaders).stream, s.RemoteAddr().String())
		})
		var wg sync.WaitGroup
		wg.Go(func() {
			if got := cl.Get("/").Want(200).Text(); got != "127.0.0.1:40001" {
				t.Errorf("the request under way came from %s", got)
			}
		})
		synctest.Wait()
		cl.SetRemoteIP(netip.MustParseAddr("203.0.113.7"))
		close(retired)
		if got := cl.Get("/").Want(200).Text(); got != "203.0.113.7:40002" {
			t.Errorf("a later request came from %s", got)
		}
		wg.Wait()
	})
}

// TestH2Streams: no more of them at once than the app allows, and none for ever.
func TestH2Streams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := byScript(t, [][2]uint32{{settingStreams, 2}}, func(s *script) {
			for id := uint32(1); id < 12; id += 4 {
				s.await(frameHeaders)
				s.await(frameHeaders)
				synctest.Wait()
				if n := s.r.Buffered(); n > 0 {
					t.Errorf("%d bytes more", n)
				}
				s.answer(id, "hi")
				s.answer(id+2, "hi")
			}
		})
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() { cl.Get("/").Want(200) })
		}
		wg.Wait()
	})
}

// TestH2Leaves: who gives up resets the stream, and what is under way for it hurts nobody.
func TestH2Leaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := byScript(t, noSettings, func(s *script) {
			for range 2 {
				id := s.await(frameHeaders).stream
				f := s.await(frameReset)
				if code := errorCode(f.number()); f.stream != id || code != codeCancel {
					t.Errorf("stream %d is reset with %v", f.stream, code)
				}
				s.answer(id, strings.Repeat("x", maxFrame))
				s.frame(frameReset, 0, id, "\x00\x00\x00\x00")
			}
			s.answer(s.await(frameHeaders).stream, "hi")
		})
		cl.Timeout = time.Second
		leave := cl.Post("/").Body("", make([]byte, 1<<20)).Start()
		leave()
		leave()
		if _, err := cl.Get("/").Try(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after the timeout: %v", err)
		}
		cl.Timeout = time.Minute
		if got := cl.Get("/").Want(200).Text(); got != "hi" {
			t.Errorf("answer %q", got)
		}
	})
}

// TestH2TunnelWindow: an app is held up by a websocket that nobody reads, and by no other stream.
func TestH2TunnelWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		message := "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + strings.Repeat("x", 1<<16)
		cl := byScript(t, [][2]uint32{{settingConnect, 1}}, func(s *script) {
			s.await(frameHeaders)
			s.head(1, 0, ":status", "200")
			for rest := message[:defaultWindow]; rest != ""; {
				n := min(len(rest), maxFrame)
				s.frame(frameData, 0, 1, rest[:n])
				rest = rest[n:]
			}
			if f := s.await(frameWindow); f.stream != 0 {
				t.Errorf("the window of the stream %d grows", f.stream)
			}
			s.answer(s.await(frameHeaders).stream, "between")
			if f := s.await(frameWindow); f.stream != 1 || f.number() < defaultWindow/2 {
				t.Errorf("WINDOW_UPDATE of the stream %d by %d", f.stream, f.number())
			}
			s.frame(frameData, 0, 1, message[defaultWindow:])
			s.frame(frameReset, 0, 1, "\x00\x00\x00\x08")
		})
		ws := cl.WebSocket("/")
		synctest.Wait()
		if got := cl.Get("/").Want(200).Text(); got != "between" {
			t.Errorf("answer %q", got)
		}
		if _, data, err := ws.ReadMessage(); len(data) != 1<<16 || err != nil {
			t.Errorf("%d bytes, %v", len(data), err)
		}
		if got := ReadClose(t, ws); got.Code != 1006 {
			t.Errorf("a reset is %+v", got)
		}
	})
}

// TestH2TunnelOverrun: DATA beyond a window that the client did not open.
func TestH2TunnelOverrun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := byScript(t, [][2]uint32{{settingConnect, 1}}, func(s *script) {
			s.await(frameHeaders)
			s.head(1, 0, ":status", "200")
			for range 5 {
				s.frame(frameData, 0, 1, strings.Repeat("x", maxFrame))
			}
			if f := s.await(frameGoAway); len(f.payload) < 8 || f.payload[7] != byte(codeFlowControl) {
				t.Errorf("GOAWAY %x", f.payload)
			}
		})
		cl.WebSocket("/")
		synctest.Wait()
	})
}

// TestH2TunnelForbidden: without the setting there is no extended CONNECT (RFC 8441, section 3).
func TestH2TunnelForbidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := byScript(t, noSettings, func(*script) {})
		if _, _, err := cl.handshake("/", nil).openSocket(); err == nil || !strings.Contains(err.Error(), "SETTINGS_ENABLE_CONNECT_PROTOCOL") {
			t.Errorf("handshake: %v", err)
		}
	})
}

// FuzzH2Read: whatever an app sends, the client neither hangs nor panics.
func FuzzH2Read(f *testing.F) {
	var s script
	s.fields = hpack.NewEncoder(&s.block)
	settings := appendSettings(nil)
	f.Add(append(appendBlock(settings, 0, 1, s.encode(":status", "200"), maxFrame), appendFrame(nil, frameData, flagEndStream, 1, []byte("hi"))...))
	f.Add(appendBlock(settings, flagEndStream, 1, s.encode(":status", "204", "a", "b"), 3))
	f.Add(appendFrame(settings, frameGoAway, 0, 0, make([]byte, 8)))
	f.Add(appendNumber(appendNumber(settings, frameWindow, 0, 1), frameReset, 1, 7))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		client, app := net.Pipe()
		defer client.Close()
		go func() {
			_, _ = app.Write(sent)
			_ = app.Close()
		}()
		cl := &Client{Timeout: time.Minute, t: t, protocol: H2C, open: map[io.Closer]struct{}{}}
		c := newH2Conn(cl, client)
		c.mu.Lock()
		st := c.begin(&h2request{method: "GET", head: []field{{":method", "GET"}}}, time.Now().Add(time.Minute))
		c.mu.Unlock()
		c.receive()
		resp, err := receive(st, "GET")
		if err == nil && (resp.Status < 200 || resp.Status > 999 || len(resp.body) > len(sent)) {
			t.Errorf("status %d, body of %d bytes, from %q", resp.Status, len(resp.body), sent)
		}
		if err == nil && checkFields(resp.header) != nil {
			t.Error(fmt.Sprint(resp.header))
		}
	})
}
