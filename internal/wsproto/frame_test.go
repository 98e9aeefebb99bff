package wsproto_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/wsproto"
)

func TestAppendHeader(t *testing.T) {
	tests := []struct {
		op         wsproto.Opcode
		compressed bool
		n          int
		want       string
	}{
		{wsproto.OpText, false, 0, "\x81\x00"},
		{wsproto.OpText, true, 125, "\xc1\x7d"},
		{wsproto.OpBinary, false, 126, "\x82\x7e\x00\x7e"},
		{wsproto.OpBinary, true, 65535, "\xc2\x7e\xff\xff"},
		{wsproto.OpBinary, false, 65536, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"},
		{wsproto.OpPing, false, 3, "\x89\x03"},
		{wsproto.OpPong, false, 3, "\x8a\x03"},
		{wsproto.OpClose, false, 2, "\x88\x02"},
	}
	for _, tt := range tests {
		if got := string(wsproto.AppendHeader([]byte("x"), tt.op, tt.compressed, tt.n)); got != "x"+tt.want {
			t.Errorf("AppendHeader(%v, %v, %d) = %x, want %x", tt.op, tt.compressed, tt.n, got[1:], tt.want)
		}
		if len(tt.want) > wsproto.MaxHeader {
			t.Errorf("a header of %d bytes", len(tt.want))
		}
	}
}

func TestAppendFrame(t *testing.T) {
	if got := wsproto.AppendFrame(nil, wsproto.OpText, "Hello"); string(got) != "\x81\x05Hello" { // RFC 6455, section 5.7
		t.Errorf("got %x", got)
	}
	if got := wsproto.AppendFrame([]byte("x"), wsproto.OpPong, []byte("Hello")); string(got) != "x\x8a\x05Hello" {
		t.Errorf("got %x", got)
	}
}

func TestAppendClose(t *testing.T) {
	tests := []struct {
		code         int
		reason, want string
	}{
		{0, "lost", "\x88\x00"},
		{1005, "lost", "\x88\x00"},
		{1000, "", "\x88\x02\x03\xe8"},
		{4999, "bye", "\x88\x05\x13\x87bye"},
		{1001, "a\xffb", "\x88\x07\x03\xe9a\uFFFDb"},
		{1001, strings.Repeat("x", 123), "\x88\x7d\x03\xe9" + strings.Repeat("x", 123)},
		{1001, strings.Repeat("x", 124), "\x88\x7d\x03\xe9" + strings.Repeat("x", 123)},
		{1001, strings.Repeat("x", 122) + "ü", "\x88\x7c\x03\xe9" + strings.Repeat("x", 122)},
		{1001, strings.Repeat("\xff", 1000), "\x88\x7d\x03\xe9" + strings.Repeat("\uFFFD", 41)},
	}
	for _, tt := range tests {
		if got := string(wsproto.AppendClose([]byte("x"), tt.code, tt.reason)); got != "x"+tt.want {
			t.Errorf("AppendClose(%d, %.9q) = %q, want %q", tt.code, tt.reason, got[1:], tt.want)
		}
	}
}

func TestUnmask(t *testing.T) {
	const key = 0x40302010 // 10 20 30 40 on the wire
	for n := range 200 {
		b, want, seen := make([]byte, n+2), make([]byte, n+2), byte(0)
		for i := range b {
			b[i] = byte(7 * i)
			want[i] = b[i]
		}
		for i := range n {
			want[i+1] ^= byte(0x10 * (1 + i&3))
			seen |= want[i+1]
		}
		got := wsproto.Unmask(b[1:n+1], key)
		if !bytes.Equal(b, want) {
			t.Fatalf("%d bytes: got %x, want %x", n, b, want)
		}
		if ascii := got&0x8080808080808080 == 0; ascii != (seen < 0x80) {
			t.Errorf("%d bytes: ASCII %v", n, ascii)
		}
	}
	for at := range 70 { // one byte that is no ASCII, anywhere
		b := bytes.Repeat([]byte("a"), 70)
		b[at] = 0xc3
		if wsproto.Unmask(b, 0)&0x8080808080808080 == 0 {
			t.Errorf("0xc3 at %d was not seen", at)
		}
	}
}

func TestRotate(t *testing.T) {
	want := []byte("a masked text of some length, in two parts")
	for cut := range want {
		b := bytes.Clone(want)
		wsproto.Unmask(b, 0x40302010)
		wsproto.Unmask(b[:cut], 0x40302010)
		wsproto.Unmask(b[cut:], wsproto.Rotate(0x40302010, cut))
		if !bytes.Equal(b, want) {
			t.Errorf("cut at %d: %q", cut, b)
		}
	}
}

func TestKey(t *testing.T) {
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	if got := wsproto.AppendAccept([]byte("x"), []byte(key)); string(got) != "xs3pPLMBiTxaQ9kYGzzhZRbK+xOo=" { // RFC 6455, section 1.3
		t.Errorf("AppendAccept = %s", got)
	}
	for _, valid := range []string{key, "AAAAAAAAAAAAAAAAAAAAAA==", "//////////++++++++++zZ=="} {
		if !wsproto.ValidKey([]byte(valid)) {
			t.Errorf("ValidKey(%q) = false", valid)
		}
	}
	for _, invalid := range []string{"", "x", key[:22], key[:23], key + "=", " " + key[1:], "dGhlIHNhbXBsZSBub25jZQ=x", "dGhlIHNhbXBsZSBub25jZQx=", "dGhlIHNhbXBsZSBub25j-Q==", "dGhlIHNhbXBsZSBub25jZ===", strings.Repeat("A", 24), strings.Repeat("\xff", 24)} {
		if wsproto.ValidKey([]byte(invalid)) {
			t.Errorf("ValidKey(%q) = true", invalid)
		}
	}
}

func TestErrorText(t *testing.T) {
	if got := fmt.Sprint(&wsproto.Error{Code: 1002, Reason: "reserved opcode"}); got != "wsproto: reserved opcode (1002)" {
		t.Error(got)
	}
}
