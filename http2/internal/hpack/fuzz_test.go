package hpack_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/goquart/quart/http2/internal/hpack"
)

// chunks cuts data into blocks: each has one byte of length in front.
func chunks(data []byte) (blocks [][]byte) {
	for len(data) > 0 {
		n := min(int(data[0]), len(data)-1)
		blocks = append(blocks, data[1:1+n])
		data = data[1+n:]
	}
	return blocks
}

func joined(blocks ...[]byte) (data []byte) {
	for _, b := range blocks {
		data = append(append(data, byte(len(b))), b...)
	}
	return data
}

// laxer reports whether x/net accepts what we refuse, for a reason that is known:
//
//   - it reads integers of up to 9 continuation bytes, where we end after 5. More can only be superfluous zeros, or a number of more than 32 bits;
//     RFC 7541, section 5.1 lets a decoder refuse both.
//   - it takes size updates behind fields, and any number of them, while the table is empty; RFC 7541, section 4.2 has them at the beginning only.
func laxer(err error) bool {
	return strings.Contains(err.Error(), "5 continuation bytes") || strings.Contains(err.Error(), "table size update")
}

// FuzzDecoder holds the decoder against that of golang.org/x/net: the same fields or both an error, except for what laxer and oracle.decode say.
func FuzzDecoder(f *testing.F) {
	for _, series := range [][]string{
		{"828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865", "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"},
		{"828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf", "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"},
		{"3fe1014882640258", "4883640effc1c0bf"},
		{"1008706173737764", "10087061737377640673656372657431", "203fe11f400161016282be"},
		{"ffffffffff0f", "4184ffffffff"},
		{"4001610162", "20203fe11fbe", "7e0163"},
	} {
		var blocks [][]byte
		for _, s := range series {
			blocks = append(blocks, unhex(f, s))
		}
		f.Add(joined(blocks...), uint16(4096))
	}
	f.Fuzz(func(t *testing.T, data []byte, limit uint16) {
		d, x := newDecoder(uint32(limit)), newOracle(uint32(limit))
		for _, block := range chunks(data) {
			want, wantErr := x.decode(block)
			before := bytes.Clone(block)
			got, err := decode(d, block)
			if !bytes.Equal(before, block) {
				t.Fatal("the block was written to")
			}
			if err != nil && !errors.Is(err, hpack.ErrCompression) {
				t.Fatalf("error %v", err)
			}
			if (err == nil) != (wantErr == nil) && (err == nil || !laxer(err)) {
				t.Fatalf("block %x: error %v, x/net %v", block, err, wantErr)
			}
			if err != nil {
				return
			}
			sameFields(t, "fields", got, want)
			if held := d.Bytes(); held > max(4096, int(limit))*11/8 {
				t.Fatalf("%d bytes held, of a table of %d", held, limit)
			}
		}
	})
}

// FuzzDecoderSkip: whoever gives up at any field stays in step, and gets the same error of decoding.
func FuzzDecoderSkip(f *testing.F) {
	f.Add(joined(unhex(f, "4001610162820001610162"), unhex(f, "bebf")), uint8(1))
	f.Add(joined(unhex(f, "4001610162820001610162"), unhex(f, "be80")), uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, after uint8) {
		all, some, enough := newDecoder(4096), newDecoder(4096), errors.New("enough")
		for _, block := range chunks(data) {
			want, wantErr := decode(all, block)
			var got []field
			err := some.Decode(block, func(name, value []byte, sensitive bool) error {
				got = append(got, field{string(name), string(value), sensitive})
				if len(got) == int(after) {
					return enough
				}
				return nil
			})
			stopped := after > 0 && len(want) >= int(after)
			if stopped {
				want = want[:after]
			}
			sameFields(t, "fields", got, want)
			if wantErr != nil {
				if !errors.Is(err, wantErr) {
					t.Fatalf("error %v, want %v", err, wantErr)
				}
				return
			}
			if stopped != errors.Is(err, enough) {
				t.Fatalf("error %v, stopped %v", err, stopped)
			}
		}
	})
}

// FuzzEncoder reads ops from data: each is a byte that says what to do, and what it needs.
func FuzzEncoder(f *testing.F) {
	f.Add([]byte("\x00\x01ab\x00\x01ab\x00\x01ab\x04\x00\x01ab"), uint16(4096))
	f.Add([]byte("\x01\x0cContent-Type\x09text/html\x01\x0cContent-Type\x09text/html\x03\x00\x04\x03\xff\x04\x01\x0cContent-Type\x09text/html"), uint16(100))
	f.Add([]byte("\x02\x05token\x06secret\x05\xc8\x05\x12\x05\x12\x05\x12"), uint16(0))
	f.Fuzz(func(t *testing.T, data []byte, bound uint16) {
		e, d, x := newEncoder(uint32(bound)), newDecoder(1<<16), newOracle(1<<16)
		take := func() (b []byte) {
			if len(data) == 0 {
				return nil
			}
			n := min(int(data[0]), len(data)-1)
			b, data = data[1:1+n:1+n], data[1+n:]
			return b
		}
		block, want := e.Begin(nil), []field(nil)
		end := func() {
			got, err := x.decode(block)
			if err != nil {
				t.Fatalf("x/net: %x: %v", block, err)
			}
			sameFields(t, "x/net", got, want)
			sameFields(t, "ours", mustDecode(t, d, block), want)
		}
		for len(data) > 0 {
			op := data[0] % 6
			data = data[1:]
			switch op {
			case 0, 2:
				name, value := take(), take()
				block = e.AppendField(block, name, value, op == 2)
				want = append(want, fuzzed(name, value, op == 2))
			case 1:
				name, value := take(), take()
				block = e.AppendResponse(block, name, value)
				want = append(want, fuzzed(asciiLower(name), value, false))
			case 3:
				for _, c := range take() {
					e.SetTableSize(uint32(c) << 5)
				}
				end()
				block, want = e.Begin(nil), nil
			case 4:
				end()
				block, want = e.Begin(nil), nil
			case 5:
				status := 100 + len(take())
				block = e.AppendStatus(block, status)
				want = append(want, field{":status", string([]byte{'0' + byte(status/100), '0' + byte(status/10%10), '0' + byte(status%10)}), false})
			}
		}
		end()
	})
}

func fuzzed(name, value []byte, sensitive bool) field {
	n := string(name)
	return field{n, string(value), sensitive || n == "set-cookie" || n == "authorization" || n == "proxy-authorization"}
}

func asciiLower(s []byte) []byte {
	out := bytes.Clone(s)
	for i, c := range out {
		if 'A' <= c && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return out
}
