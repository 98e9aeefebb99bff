package hpack_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/goquart/quart/http2/internal/hpack"
)

func TestDecodeErrors(t *testing.T) {
	tests := []struct {
		name, block, want string
	}{
		{"index 0", "80", "index outside"},
		{"index behind the static table", "be", "index outside"},
		{"index far away", "ff ff ff ff 7f", "index outside"},
		{"index of 32 bits", "ff 80 ff ff ff 0f", "index outside"},
		{"name's index behind the table", "7e 01 61", "index outside"},
		{"name's index, without indexing", "0f 2f 01 61", "index outside"},
		{"name's index, never indexed", "1f 2f 01 61", "index outside"},
		{"index of 33 bits", "ff 80 ff ff ff 1f", "32 bits"},
		{"index with 6 continuation bytes", "ff 80 80 80 80 80 00", "32 bits"},
		{"index with endless continuation", "ff" + strings.Repeat("80", 100), "32 bits"},
		{"index cut off", "ff", "truncated"},
		{"index cut off in the continuation", "ff 80 80 80 80 80", "truncated"},
		{"size cut off", "3f", "truncated"},
		{"literal cut off behind the index", "41", "truncated"},
		{"literal cut off behind the name", "40 01 61", "truncated"},
		{"literal cut off behind the flags", "40", "truncated"},
		{"string's length cut off", "41 7f", "truncated"},
		{"name longer than the block", "40 05 61 61 61 61", "string longer"},
		{"value longer than the block", "41 02 61", "string longer"},
		{"Huffman string longer than the block", "41 82 1f", "string longer"},
		{"string of 4 GiB", "41 7f 80 ff ff ff 0f", "string longer"},
		{"Huffman string of 4 GiB", "41 ff 80 ff ff ff 0f", "string longer"},
		{"string's length of 33 bits", "41 7f 80 ff ff ff 1f 61", "32 bits"},
		{"Huffman: padding of 8 bits", "41 81 ff", "Huffman"},
		{"Huffman: padding of 11 bits", "41 82 1f ff", "Huffman"},
		{"Huffman: padding with a 0", "41 81 1e", "Huffman"},
		{"Huffman: padding of 0s", "41 81 18", "Huffman"},
		{"Huffman: EOS", "41 84 ff ff ff ff", "Huffman"},
		{"Huffman: EOS in the middle", "41 89 ff ff ff fc 3f 1f 1f 1f 1f", "Huffman"},
		{"Huffman: EOS behind 5 bits", "41 85 1f ff ff ff ff", "Huffman"},
		{"Huffman: code cut off", "41 81 fe", "Huffman"},
		{"Huffman: long code cut off", "41 83 ff ff fe", "Huffman"},
		{"Huffman: in a name", "40 81 ff 01 61", "Huffman"},
		{"Huffman: without indexing", "01 81 ff", "Huffman"},
		{"Huffman: never indexed", "11 81 ff", "Huffman"},
		{"size behind a field", "82 20", "table size update"},
		{"size behind a literal", "00 01 61 01 61 20", "table size update"},
		{"three sizes", "20 20 20", "table size update"},
		{"size above the maximum", "3f e2 1f", "table size above"},
		{"second size above the maximum", "20 3f e2 1f", "table size above"},
		{"size of 33 bits", "3f e1 ff ff ff 1f", "32 bits"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDecoder(4096)
			_, err := decode(d, unhex(t, tt.block))
			if !errors.Is(err, hpack.ErrCompression) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want ErrCompression with %q", err, tt.want)
			}
			if held := d.Bytes(); held > 1024 {
				t.Errorf("holds %d bytes", held)
			}
		})
	}
}

// TestDecodeAccepts are blocks at the edge of what the RFC allows.
func TestDecodeAccepts(t *testing.T) {
	tests := []struct {
		name, block string
		want        []field
	}{
		{"nothing", "", nil},
		{"sizes alone", "20 3f e1 1f", nil},
		{"the same size twice", "20 20 82", pairs(":method", "GET")},
		{"index with superfluous continuation", "0f 80 80 80 80 00 01 61", pairs("accept-charset", "a")},
		{"size with superfluous continuation", "3f 80 80 80 80 00 82", pairs(":method", "GET")},
		{"empty name and value", "40 00 00", pairs("", "")},
		{"empty Huffman strings", "00 80 80", pairs("", "")},
		{"static name by two bytes", "0f 00 01 61", pairs("accept-charset", "a")},
		{"upper case as sent", "00 01 41 01 42", pairs("A", "B")},
		{"padding of 7 bits", "41 83 02 ab 7f", pairs(":authority", "0%-")},
		{"never indexed, by index", "1f 28 01 61", []field{{"set-cookie", "a", true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sameFields(t, "fields", mustDecode(t, newDecoder(4096), unhex(t, tt.block)), tt.want)
			got, err := newOracle(4096).decode(unhex(t, tt.block))
			if err != nil {
				t.Fatal(err)
			}
			sameFields(t, "x/net", got, tt.want)
		})
	}
}

// TestDecodeEmitError shows that a caller who gives up stays in step.
func TestDecodeEmitError(t *testing.T) {
	tests := []struct {
		name, block string
		compression bool
	}{
		{"at the first field", "40 01 61 01 62 40 01 63 01 64 82", false},
		{"an error of decoding goes before", "82 40 01 61 01 62 80", true},
		{"Huffman strings are still checked", "82 00 01 61 81 ff", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, calls, enough := newDecoder(4096), 0, errors.New("enough")
			err := d.Decode(unhex(t, tt.block), func(_, _ []byte, _ bool) error {
				calls++
				return enough
			})
			if calls != 1 {
				t.Errorf("%d calls of emit, want 1", calls)
			}
			if errors.Is(err, hpack.ErrCompression) != tt.compression || errors.Is(err, enough) == tt.compression {
				t.Errorf("error %v", err)
			}
			if !tt.compression {
				sameFields(t, "next block", mustDecode(t, d, unhex(t, "be bf")), pairs("c", "d", "a", "b"))
			}
		})
	}
}

// TestDecodeEviction is RFC 7541, sections 4.3 and 4.4.
func TestDecodeEviction(t *testing.T) {
	big := strings.Repeat("7a", 4096-32) // name "" and a value of 4,064 bytes: just fits
	fits, over := "40 00 7f e1 1e"+big, "40 00 7f e2 1e"+big+"7a"
	tests := []struct {
		name   string
		blocks []string
		want   []field
	}{
		{"a smaller size keeps the newest", []string{"40 01 61 01 62", "40 01 63 01 64", "3f 03"}, pairs("c", "d")},
		{"size 0 drops all", []string{"40 01 61 01 62", "20", "40 01 61 01 62"}, nil},
		{"smallest and last size", []string{"40 01 61 01 62", "20 3f e1 1f 40 01 63 01 64"}, pairs("c", "d")},
		{"an entry of the whole table", []string{"40 01 61 01 62", fits}, pairs("", strings.Repeat("z", 4064))},
		{"an entry larger than the table", []string{"40 01 61 01 62", over}, nil},
		{"behind a large entry", []string{over, fits, "40 01 61 01 62"}, pairs("a", "b")},
		{"the name is of the entry that goes", []string{"40 01 61 01 62", "3f 03", "7e 02 63 64"}, nil},
		{"the name is of the entry that goes, fitting", []string{"40 01 61 01 62", "3f 04", "7e 02 63 64"}, pairs("a", "cd")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, x := newDecoder(4096), newOracle(4096)
			for _, block := range tt.blocks {
				got := mustDecode(t, d, unhex(t, block))
				want, err := x.decode(unhex(t, block))
				if err != nil {
					t.Fatal(err)
				}
				sameFields(t, "x/net", got, want)
			}
			table, _ := dynamicTable(d)
			sameFields(t, "table", table, tt.want)
			if held := d.Bytes(); held > 4096+128*12 {
				t.Errorf("holds %d bytes", held)
			}
		})
	}
}

// TestInit is about sizes other than 4,096.
func TestInit(t *testing.T) {
	insert := unhex(t, "40 01 61 01 62")
	d := newDecoder(0)
	mustDecode(t, d, insert)
	mustDecode(t, d, unhex(t, "be")) // the peer did not know yet
	mustDecode(t, d, unhex(t, "20"))
	mustDecode(t, d, insert)
	if got, _ := dynamicTable(d); len(got) > 0 {
		t.Errorf("a table without room has %+v", got)
	}
	if _, err := decode(d, unhex(t, "21")); !errors.Is(err, hpack.ErrCompression) {
		t.Errorf("a size above the maximum: %v", err)
	}

	d = newDecoder(1 << 16)
	mustDecode(t, d, unhex(t, "3f e1 ff 03")) // 65536
	for range 2000 {
		mustDecode(t, d, []byte{0x40, 0, 0})
	}
	if got, _ := dynamicTable(d); len(got) != 2000 {
		t.Errorf("a table of 64 KiB has %d of 2000 entries", len(got))
	}
	d.Init(4096)
	if d.Bytes() != 0 {
		t.Errorf("a new decoder holds %d bytes", d.Bytes())
	}
}

// TestDecodeBomb: what a block expands to costs the calls of emit, and nothing else.
func TestDecodeBomb(t *testing.T) {
	d := newDecoder(4096)
	mustDecode(t, d, append([]byte{0x40, 0x01, 'a', 0x7f, 0x80, 0x1e}, bytes.Repeat([]byte("x"), 3967)...))
	held := d.Bytes()
	calls, sum, tooMuch := 0, 0, errors.New("too much")
	err := d.Decode(bytes.Repeat([]byte{0xbe}, 16<<10), func(name, value []byte, _ bool) error {
		calls++
		if sum += len(name) + len(value) + 32; sum > 16<<10 {
			return tooMuch
		}
		return nil
	})
	if !errors.Is(err, tooMuch) || calls != 5 {
		t.Errorf("%d calls, error %v", calls, err)
	}
	if d.Bytes() != held {
		t.Errorf("holds %d bytes, before %d", d.Bytes(), held)
	}
}

// TestDecodeExpansion: the longest expansion, of 5-bit codes, is right to its last byte, in any position.
func TestDecodeExpansion(t *testing.T) {
	for n := range 200 {
		s := strings.Repeat("0", n)
		code := hpack.AppendHuffman(nil, []byte(s))
		block := []byte{0x00, 0x81, 0x1f, 0x80 | byte(len(code))}
		if len(code) >= 127 {
			block = []byte{0x00, 0x81, 0x1f, 0xff, byte(len(code) - 127)}
		}
		sameFields(t, "zeros", mustDecode(t, newDecoder(4096), append(block, code...)), pairs("a", s))
	}
}

// browserRequest is what a browser sends first.
func browserRequest() []field {
	return pairs(
		":method", "GET", ":authority", "films.example.com", ":scheme", "https", ":path", "/films/42?lang=en",
		"sec-ch-ua", `"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"`, "sec-ch-ua-mobile", "?0",
		"sec-ch-ua-platform", `"Linux"`, "upgrade-insecure-requests", "1",
		"user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
		"accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
		"sec-fetch-site", "none", "sec-fetch-mode", "navigate", "sec-fetch-user", "?1", "sec-fetch-dest", "document",
		"accept-encoding", "gzip, deflate, br, zstd", "accept-language", "en-GB,en;q=0.9", "priority", "u=0, i",
	)
}

func TestDecoderMemory(t *testing.T) {
	block := xEncode(t, nil, browserRequest())
	decoders, sum := make([]hpack.Decoder, 1000), 0
	for i := range decoders {
		decoders[i].Init(4096)
		if held := decoders[i].Bytes(); held != 0 {
			t.Fatalf("%d bytes before the first block", held)
		}
		mustDecode(t, &decoders[i], bytes.Clone(block))
		sum += decoders[i].Bytes()
	}
	if each := sum / len(decoders); each >= 1536 {
		t.Errorf("%d bytes each, want less than 1,536", each)
	} else {
		t.Logf("%d bytes each", each)
	}
}
