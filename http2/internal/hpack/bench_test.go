package hpack_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/goquart/quart/http2/internal/hpack"
)

func BenchmarkDecoder(b *testing.B) {
	ten := hpack.AppendHuffman(nil, []byte("/films/42?lan")) // 10 bytes
	if len(ten) != 10 {
		b.Fatalf("%d bytes", len(ten))
	}
	cookie := bytes.Repeat([]byte("session=0123456789abcdef; "), 20)
	cookie = hpack.AppendHuffman(nil, cookie)
	recurring := func(n int) []byte { return bytes.Repeat([]byte{0xbe, 0xbf, 0xc0, 0xc1}, n) }
	tests := []struct {
		name  string
		block []byte
	}{
		{"empty", nil},
		{"static1", []byte{0x82}},
		{"static100", bytes.Repeat([]byte{0x82}, 100)},
		{"dynamic1", []byte{0xbe}},
		{"dynamic100", recurring(25)},
		{"literal", append([]byte{0x04, 0x8a}, ten...)},
		{"cookie", append([]byte{0x0f, 0x11, 0xff, byte(len(cookie)-127)&0x7f | 0x80, byte((len(cookie) - 127) >> 7)}, cookie...)},
		{"insert", append([]byte{0x44, 0x8a}, ten...)},
		{"longcodes", append([]byte{0x04, 0x9e}, hpack.AppendHuffman(nil, []byte("\n\r\x16\n\r\x16\n\r"))...)},
		{"insertraw", append([]byte{0x44, 0x0a}, ten...)},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			d := newDecoder(4096)
			must(b, d.Decode(xEncode(b, nil, browserRequest()), discard))
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Decode(tt.block, discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncoder(b *testing.B) {
	e, dst := newEncoder(4096), make([]byte, 0, 1024)
	contentType, html := []byte("Content-Type"), []byte("text/html; charset=utf-8")
	lower := bytes.ToLower(contentType)
	server, quart := []byte("Server"), []byte("quart")
	date, now := []byte("Date"), []byte(date21)
	length, size := []byte("Content-Length"), []byte("12345")
	b.Run("recurring", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.AppendField(dst, lower, html, false)
		}
	})
	b.Run("response", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.AppendResponse(dst, contentType, html)
		}
	})
	b.Run("block4", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out := e.AppendStatus(e.Begin(dst), 200)
			out = e.AppendResponse(out, contentType, html)
			out = e.AppendResponse(out, server, quart)
			out = e.AppendResponse(out, date, now)
			e.AppendResponse(out, length, size)
		}
	})
	b.Run("unique", func(b *testing.B) {
		var value [8]byte
		n := uint64(0)
		b.ReportAllocs()
		for b.Loop() {
			n++
			binary.LittleEndian.PutUint64(value[:], n*0x9e3779b97f4a7c15)
			e.AppendResponse(dst, length, value[:])
		}
	})
	b.Run("set-cookie", func(b *testing.B) {
		name, value := []byte("Set-Cookie"), []byte("session=0123456789abcdef; Path=/; HttpOnly")
		b.ReportAllocs()
		for b.Loop() {
			e.AppendResponse(dst, name, value)
		}
	})
}

// BenchmarkDecoderCopies is the most work per byte that a peer can ask for: entries of two bytes that copy a long name.
func BenchmarkDecoderCopies(b *testing.B) {
	d := newDecoder(4096)
	must(b, d.Decode(append([]byte{0x40, 0x7f, 0xe9, 0x06}, make([]byte, 1001)...), discard)) // 1,000 bytes, and an empty value
	block := bytes.Repeat([]byte{0x7e, 0x00}, 8<<10)
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		if err := d.Decode(block, discard); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncoderFull is the search in a table that is full of small entries, for a field that it does not have.
func BenchmarkEncoderFull(b *testing.B) {
	e, dst := newEncoder(4096), make([]byte, 0, 1024)
	for i := range 128 {
		for range 2 {
			e.AppendField(nil, []byte("x"), []byte{byte(i)}, false)
		}
	}
	var value [8]byte
	n := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		n++
		binary.LittleEndian.PutUint64(value[:], n)
		e.AppendField(dst, []byte("etag"), value[:], false)
	}
}

func BenchmarkHuffman(b *testing.B) {
	s, dst := []byte("text/html,application/xhtml+xml,application/xml;q=0.9"), make([]byte, 0, 256)
	b.Run("append", func(b *testing.B) {
		b.SetBytes(int64(len(s)))
		for b.Loop() {
			hpack.AppendHuffman(dst, s)
		}
	})
	b.Run("len", func(b *testing.B) {
		b.SetBytes(int64(len(s)))
		for b.Loop() {
			hpack.HuffmanLen(s)
		}
	})
}
