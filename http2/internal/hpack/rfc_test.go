package hpack_test

import (
	"bytes"
	"testing"

	"github.com/goquart/quart/http2/internal/hpack"
	xhpack "golang.org/x/net/http2/hpack"
)

// A step is one block of a series in RFC 7541, appendix C.
type step struct {
	block string
	want  []field
	table []field
	size  int
}

const (
	date21   = "Mon, 21 Oct 2013 20:13:21 GMT"
	date22   = "Mon, 21 Oct 2013 20:13:22 GMT"
	cookie   = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
	location = "https://www.example.com"

	update256 = "3f e1 01 " // appendix C has it in SETTINGS only
)

func requestSteps(blocks ...string) []step {
	authority := []string{":authority", "www.example.com"}
	noCache := []string{"cache-control", "no-cache"}
	custom := []string{"custom-key", "custom-value"}
	return []step{
		{blocks[0], pairs(":method", "GET", ":scheme", "http", ":path", "/", authority[0], authority[1]), pairs(authority...), 57},
		{
			blocks[1], pairs(":method", "GET", ":scheme", "http", ":path", "/", authority[0], authority[1], noCache[0], noCache[1]),
			append(pairs(noCache...), pairs(authority...)...), 110,
		},
		{
			blocks[2], pairs(":method", "GET", ":scheme", "https", ":path", "/index.html", authority[0], authority[1], custom[0], custom[1]),
			append(append(pairs(custom...), pairs(noCache...)...), pairs(authority...)...), 164,
		},
	}
}

func responseSteps(blocks ...string) []step {
	return []step{
		{
			update256 + blocks[0], pairs(":status", "302", "cache-control", "private", "date", date21, "location", location),
			pairs("location", location, "date", date21, "cache-control", "private", ":status", "302"), 222,
		},
		{
			blocks[1], pairs(":status", "307", "cache-control", "private", "date", date21, "location", location),
			pairs(":status", "307", "location", location, "date", date21, "cache-control", "private"), 222,
		},
		{
			blocks[2],
			pairs(":status", "200", "cache-control", "private", "date", date22, "location", location, "content-encoding", "gzip", "set-cookie", cookie),
			pairs("set-cookie", cookie, "content-encoding", "gzip", "date", date22), 215,
		},
	}
}

// TestAppendixC is RFC 7541, appendix C.2 to C.6.
func TestAppendixC(t *testing.T) {
	tests := []struct {
		name  string
		steps []step
	}{
		{"C.2.1", []step{{
			"400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
			pairs("custom-key", "custom-header"), pairs("custom-key", "custom-header"), 55,
		}}},
		{"C.2.2", []step{{"040c 2f73 616d 706c 652f 7061 7468", pairs(":path", "/sample/path"), nil, 0}}},
		{"C.2.3", []step{{"1008 7061 7373 776f 7264 0673 6563 7265 74", []field{{"password", "secret", true}}, nil, 0}}},
		{"C.2.4", []step{{"82", pairs(":method", "GET"), nil, 0}}},
		{"C.3", requestSteps(
			"8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
			"8286 84be 5808 6e6f 2d63 6163 6865",
			"8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
		)},
		{"C.4", requestSteps(
			"8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
			"8286 84be 5886 a8eb 1064 9cbf",
			"8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
		)},
		{"C.5", responseSteps(
			`4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768
			7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
			"4803 3330 37c1 c0bf",
			`88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153
			444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e
			3d31`,
		)},
		{"C.6", responseSteps(
			`4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8
			e9ae 82ae 43d3`,
			"4883 640e ffc1 c0bf",
			`88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b
			3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
		)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDecoder(4096)
			for _, s := range tt.steps {
				sameFields(t, s.block, mustDecode(t, d, unhex(t, s.block)), s.want)
				table, size := dynamicTable(d)
				sameFields(t, "table after "+s.block, table, s.table)
				if size != s.size {
					t.Errorf("size of the table after %s: %d, want %d", s.block, size, s.size)
				}
			}
		})
	}
}

// TestEncoderAppendixC is what of appendix C the encoder's policy leads to: the integers of C.1.1 and C.1.2, as sizes, fields of C.2, and
// repeated fields of C.4 and C.6.
func TestEncoderAppendixC(t *testing.T) {
	size := func(n uint32) func(*hpack.Encoder, []byte) []byte {
		return func(e *hpack.Encoder, dst []byte) []byte {
			e.SetTableSize(n)
			return e.Begin(dst)
		}
	}
	twice := func(name, value string) func(*hpack.Encoder, []byte) []byte {
		return func(e *hpack.Encoder, dst []byte) []byte {
			_ = e.AppendField(nil, []byte(name), []byte(value), false)
			return e.AppendField(dst, []byte(name), []byte(value), false)
		}
	}
	tests := []struct {
		name   string
		append func(*hpack.Encoder, []byte) []byte
		want   string
	}{
		{"C.1.1", size(10), "2a"},
		{"C.1.2", size(1337), "3f9a 0a"},
		{"C.2.3, in Huffman code", func(e *hpack.Encoder, dst []byte) []byte {
			return e.AppendField(dst, []byte("password"), []byte("secret"), true)
		}, "1086 ac68 4783 d927 8441 4961 53"},
		{"C.2.4", func(e *hpack.Encoder, dst []byte) []byte {
			return e.AppendField(dst, []byte(":method"), []byte("GET"), false)
		}, "82"},
		{"C.4.1", twice(":authority", "www.example.com"), "41 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"},
		{"C.4.2", twice("cache-control", "no-cache"), "5886 a8eb 1064 9cbf"},
		{"C.4.3", twice("custom-key", "custom-value"), "4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"},
		{"C.6.1, status", twice(":status", "302"), "4882 6402"},
		{"C.6.1, date", twice("date", date21), "6196 d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff"},
		{"C.6.1, location", twice("location", location), "6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3"},
		{"C.6.3", twice("content-encoding", "gzip"), "5a 839b d9ab"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, want := tt.append(newEncoder(4096), nil), unhex(t, tt.want); !bytes.Equal(got, want) {
				t.Errorf("got %x, want %x", got, want)
			}
		})
	}
}

// TestStaticTable reads every entry of RFC 7541, appendix A, and finds each again.
func TestStaticTable(t *testing.T) {
	d, x := newDecoder(4096), newOracle(4096)
	for i := byte(1); i <= 61; i++ {
		got := mustDecode(t, d, []byte{0x80 | i})
		want, err := x.decode([]byte{0x80 | i})
		if err != nil {
			t.Fatal(err)
		}
		sameFields(t, "static field", got, want)
		if i == 23 || i == 49 || i == 55 {
			continue // never indexed
		}
		block := newEncoder(4096).AppendField(nil, []byte(got[0].name), []byte(got[0].value), false)
		if !bytes.Equal(block, []byte{0x80 | i}) {
			t.Errorf("%+v is encoded as %x, want the index %d", got[0], block, i)
		}
	}
}

// TestHuffman compares each symbol, and each pair, with x/net's code.
func TestHuffman(t *testing.T) {
	check := func(s []byte) {
		want := xhpack.AppendHuffmanString(nil, string(s))
		if got := hpack.AppendHuffman(nil, s); !bytes.Equal(got, want) {
			t.Fatalf("AppendHuffman(%q) = %x, want %x", s, got, want)
		}
		if got := hpack.HuffmanLen(s); got != len(want) {
			t.Fatalf("HuffmanLen(%q) = %d, want %d", s, got, len(want))
		}
		block := append([]byte{0x00, 0x00, 0x80 | byte(len(want))}, want...)
		if got := mustDecode(t, newDecoder(4096), block); got[0].value != string(s) {
			t.Fatalf("%x decodes to %q, want %q", want, got[0].value, s)
		}
	}
	check(nil)
	for a := range 256 {
		check([]byte{byte(a)})
		for b := range 256 {
			check([]byte{byte(a), byte(b)})
		}
		check(bytes.Repeat([]byte{byte(a)}, 1+a%20))
		check(append(bytes.Repeat([]byte("x"), a%30), byte(a), 'e', byte(a)))
	}
}
