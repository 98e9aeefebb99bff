package wire_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/wire"
)

const wrkHead = "Host: 127.0.0.1:8080\r\n\r\n"

const chromeHead = "Host: films.example.org\r\n" +
	"Connection: keep-alive\r\n" +
	"sec-ch-ua: \"Chromium\";v=\"142\", \"Google Chrome\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\n" +
	"sec-ch-ua-mobile: ?0\r\n" +
	"sec-ch-ua-platform: \"Linux\"\r\n" +
	"Upgrade-Insecure-Requests: 1\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7\r\n" +
	"Sec-Fetch-Site: none\r\n" +
	"Sec-Fetch-Mode: navigate\r\n" +
	"Sec-Fetch-User: ?1\r\n" +
	"Sec-Fetch-Dest: document\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Accept-Language: de-AT,de;q=0.9,en-US;q=0.8,en;q=0.7\r\n" +
	"Cookie: session=eyJ1c2VyIjo0Mn0.aBcDeF.x1y2z3; theme=dark\r\n" +
	"\r\n"

var headTests = []struct {
	raw   string
	flags wire.HeadFlags
	fault wire.HeadFault
}{
	{"", 0, wire.HeadOK},
	{"\r\n", 0, wire.HeadOK},
	{wrkHead, wire.HeadHost, wire.HeadOK},
	{chromeHead, wire.HeadHost, wire.HeadOK},
	{"A: b\r\n", 0, wire.HeadOK},
	{"A:\r\n\r\n", 0, wire.HeadOK},
	{"!#$%&'*+-.^_`|~09azAZ: all of tchar\r\n\r\n", 0, wire.HeadOK},
	{"X: \t tab\tand \x80\xff obs-text ~~~~~~~~\xff~\r\n\r\n", 0, wire.HeadOK},

	{"X A: b\r\n\r\n", 0, wire.FaultNameSpace},
	{"Content-Length : 1\r\n\r\n", 0, wire.FaultNameSpace},
	{"Long-Enough-For-A-Word\t: 1\r\n\r\n", 0, wire.FaultNameSpace},
	{": b\r\n\r\n", 0, wire.FaultName},
	{"no colon\r\n\r\n", 0, wire.FaultNameSpace},
	{"nocolon\r\n\r\n", 0, wire.FaultName},
	{"nocolon", 0, wire.FaultName},
	{"X@Y: b\r\n\r\n", 0, wire.FaultName},
	{"X/Y: b\r\n\r\n", 0, wire.FaultName},
	{"X\x00Y: b\r\n\r\n", 0, wire.FaultName},
	{"X-\xc3\xa9-Y-Z: b\r\n\r\n", 0, wire.FaultName},
	{"X-Longer-Name-\xff: b\r\n\r\n", 0, wire.FaultName},
	{"A: b\r\n c\r\n\r\n", 0, wire.FaultFold},
	{"A: b\r\n\tc\r\n\r\n", 0, wire.FaultFold},
	{" A: b\r\n\r\n", 0, wire.FaultFold},
	{"Host: a\r\n b\r\n\r\n", 0, wire.FaultFold},
	{"A: b\nC: d\r\n\r\n", 0, wire.FaultLineEnd},
	{"Host: b\nC: d\r\n\r\n", 0, wire.FaultLineEnd},
	{"A: b\r\n\n", 0, wire.FaultLineEnd},
	{"A: b\rC: d\r\n\r\n", 0, wire.FaultLineEnd},
	{"A: b\r\n\rX", 0, wire.FaultLineEnd},
	{"A: b\r\n\r", 0, wire.FaultLineEnd},
	{"A: b\r\n\r\nX", 0, wire.FaultLineEnd},
	{"A: b\r", 0, wire.FaultLineEnd},
	{"A: b", 0, wire.FaultLineEnd},
	{"A: b\x00c\r\n\r\n", 0, wire.FaultValue},
	{"A: long enough for a word \x1b[2J\r\n\r\n", 0, wire.FaultValue},
	{"A: b\x7f\r\n\r\n", 0, wire.FaultValue},

	{"Host:\r\n\r\n", wire.HeadHost, wire.HeadOK},
	{"hOST: example.org\r\n\r\n", wire.HeadHost, wire.HeadOK},
	{"HOST:\texample.org.:80 \r\n\r\n", wire.HeadHost, wire.HeadOK},
	{"A: b\r\nHost: [2001:db8::1]:8080\r\n\r\n", wire.HeadHost, wire.HeadOK},
	{"Host: [::ffff:192.0.2.1]\r\n\r\n", wire.HeadHost, wire.HeadOK},
	{"Host: a_b:\r\n\r\n", wire.HeadHost, wire.HeadOK},
	{"Host: %C3%BC.example\r\n\r\n", wire.HeadHost, wire.HeadOK},
	{"Host: user@example.org\r\n\r\n", 0, wire.FaultHost},
	{"Host: a:b@c\r\n\r\n", 0, wire.FaultHost},
	{"Host: a:1:2\r\n\r\n", 0, wire.FaultHost},
	{"Host: a:80x\r\n\r\n", 0, wire.FaultHost},
	{"Host: :80\r\n\r\n", 0, wire.FaultHost},
	{"Host: a b\r\n\r\n", 0, wire.FaultHost},
	{"Host: a/b\r\n\r\n", 0, wire.FaultHost},
	{"Host: a\\b\r\n\r\n", 0, wire.FaultHost},
	{"Host: \xc3\xbc.example\r\n\r\n", 0, wire.FaultHost},
	{"Host: %zz\r\n\r\n", 0, wire.FaultHost},
	{"Host: []\r\n\r\n", 0, wire.FaultHost},
	{"Host: [::1\r\n\r\n", 0, wire.FaultHost},
	{"Host: [::1]x\r\n\r\n", 0, wire.FaultHost},
	{"Host: [fe80::1%25eth0]\r\n\r\n", 0, wire.FaultHost},
	{"Host: a\r\nHost: a\r\n\r\n", 0, wire.FaultHostTwice},
	{"Host: a\r\nX: y\r\nhost: b\r\n\r\n", 0, wire.FaultHostTwice},

	{"Content-Length: 12\r\n\r\n", wire.HeadLength, wire.HeadOK},
	{"Content-Length: +12\r\n\r\n", 0, wire.FaultLength},
	{"Content-Length: 1, 1\r\n\r\n", 0, wire.FaultLength},
	{"Content-Length:\r\n\r\n", 0, wire.FaultLength},
	{"Content-Length: 1\r\ncontent-length: 1\r\n\r\n", 0, wire.FaultLength},
	{"Transfer-Encoding: Chunked\r\n\r\n", wire.HeadEncoding, wire.HeadOK},
	{"Transfer-Encoding: identity\r\n\r\n", 0, wire.FaultEncoding},
	{"Transfer-Encoding: gzip, chunked\r\n\r\n", 0, wire.FaultEncoding},
	{"Transfer-Encoding: chunked, chunked\r\n\r\n", 0, wire.FaultEncoding},
	{"Transfer-Encoding:\r\n\r\n", 0, wire.FaultEncoding},
	{"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 0, wire.FaultEncoding},
	{"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 0, wire.FaultBothLengths},
	{"Transfer-Encoding: chunked\r\nX: y\r\ncontent-length: 1\r\n\r\n", 0, wire.FaultBothLengths},

	{"Expect: 100-Continue\r\n\r\n", wire.HeadContinue, wire.HeadOK},
	{"Expect: a-cookie\r\nHost: a\r\n\r\n", wire.HeadHost, wire.FaultExpect},
	{"Expect: a-cookie\r\nX Y: z\r\n\r\n", 0, wire.FaultNameSpace},
	{"Accept: x\r\nCookie: y\r\nSec-Fetch-Site: z\r\nCache-Controls: z\r\n\r\n", 0, wire.HeadOK},
}

func TestCheckHead(t *testing.T) {
	for _, tt := range headTests {
		flags, fault := wire.CheckHead([]byte(tt.raw), 100)
		if fault != tt.fault {
			t.Errorf("CheckHead(%q): %v, want %v", tt.raw, fault, tt.fault)
		}
		if (fault == wire.HeadOK || fault == wire.FaultExpect) && flags != tt.flags {
			t.Errorf("CheckHead(%q): flags %b, want %b", tt.raw, flags, tt.flags)
		}
	}
}

// Each byte at each offset within a word, in a name, a value and a host.
func TestCheckHeadEveryByte(t *testing.T) {
	const tchars = "!#$%&'*+-.^_`|~"
	alnum := func(c byte) bool { return c|0x20-'a' < 26 && c >= 'A' || c-'0' <= 9 }
	for c := range 256 {
		c := byte(c)
		for pad := range 20 {
			fill := strings.Repeat("x", pad)
			check := func(raw string, want bool) {
				t.Helper()
				if _, fault := wire.CheckHead([]byte(raw), 100); (fault == wire.HeadOK) != want {
					t.Errorf("CheckHead(%q): %v, want ok %v", raw, fault, want)
				}
			}
			s := fill + string([]byte{c})
			check("N"+s+"yyyyyyyyyyyy: v\r\n\r\n", alnum(c) || strings.IndexByte(tchars, c) >= 0 || c == ':')
			check("N: "+s+"yyyyyyyyyyyy\r\n\r\n", c >= 0x20 && c != 0x7f || c == '\t')
			host := alnum(c) || strings.IndexByte("-._~!$&'()*+,;=", c) >= 0
			check("Host: h"+s+"yyyyyyyyyyyy\r\n\r\n", host)
			check("Host: h"+s+"\r\n", host || c == ':' || c == ' ' || c == '\t')
		}
	}
}

func TestCheckHeadFields(t *testing.T) {
	for n := range 5 {
		raw := []byte("Host: a\r\n" + strings.Repeat("A: b\r\n", n) + "\r\n")
		_, fault := wire.CheckHead(raw, 3)
		want := wire.HeadOK
		if n+1 > 3 {
			want = wire.FaultFields
		}
		if fault != want {
			t.Errorf("%d fields of 3: %v", n+1, fault)
		}
	}
	if _, fault := wire.CheckHead([]byte(wrkHead), 0); fault != wire.FaultFields {
		t.Errorf("1 field of 0: %v", fault)
	}
}

func TestHeadFault(t *testing.T) {
	for f := wire.HeadOK; f <= wire.FaultExpect+1; f++ {
		want := 400
		switch f {
		case wire.HeadOK:
			want = 0
		case wire.FaultFields:
			want = 431
		case wire.FaultExpect:
			want = 417
		}
		if f.Status() != want {
			t.Errorf("%v: status %d, want %d", f, f.Status(), want)
		}
		if s := f.String(); s == "" || strings.HasSuffix(s, ".") {
			t.Errorf("fault %d: %q", f, s)
		}
	}
}

var targetTests = []struct {
	target string
	ok     bool
}{
	{"/", true},
	{"*", true},
	{"/films/?year.gt=2020&q=a%20b", true},
	{"http://example.org/a", true},
	{"/caf\xc3\xa9", true},
	{"/%2f%2F%00", true},
	{"", false},
	{"/a b", false},
	{"/a\tb", false},
	{"/a\x7f", false},
	{"/a\x00", false},
	{"/a#b", false},
	{"/%zz", false},
	{"/%4", false},
	{"/%", false},
	{"/%%41", false},
}

func TestCheckTarget(t *testing.T) {
	for _, tt := range targetTests {
		if escaped, got := wire.CheckTarget([]byte(tt.target)); got != tt.ok || got && escaped != strings.Contains(tt.target, "%") {
			t.Errorf("CheckTarget(%q) = %v", tt.target, got)
		}
	}
}

// slowHead says in the plainest way whether CheckHead finds nothing.
func slowHead(raw []byte, maxFields int) bool {
	counts := map[string]int{}
	for n := 0; ; n++ {
		line, rest, ok := bytes.Cut(raw, []byte("\r\n"))
		if len(raw) == 0 || ok && len(line) == 0 {
			return len(rest) == 0 && counts["content-length"]+counts["transfer-encoding"] <= 1 &&
				counts["host"] <= 1 && n <= maxFields
		}
		name, value, colon := bytes.Cut(line, []byte(":"))
		if !ok || !colon || !wire.ValidFieldName(string(name)) {
			return false
		}
		if bytes.ContainsFunc(value, func(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f }) {
			return false
		}
		key, text := strings.ToLower(string(name)), strings.Trim(string(value), " \t")
		counts[key]++
		switch key {
		case "content-length":
			if text == "" || strings.Trim(text, "0123456789") != "" {
				return false
			}
		case "transfer-encoding":
			if lowerASCII(text) != "chunked" {
				return false
			}
		case "expect":
			if lowerASCII(text) != "100-continue" {
				return false
			}
		case "host":
			if !slowHost(text) {
				return false
			}
		}
		raw = rest
	}
}

// lowerASCII leaves alone what package strings makes ASCII of, the Kelvin sign for one.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c - 'A' + 'a'
		}
	}
	return string(b)
}

func slowHost(s string) bool {
	if i := strings.LastIndexByte(s, ':'); i >= 0 && strings.Trim(s[i+1:], "0123456789") == "" {
		if s = s[:i]; s == "" {
			return false
		}
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		return ok && len(inner) >= 2 && strings.Trim(inner, "0123456789abcdefABCDEF:.") == ""
	}
	if strings.Contains(s, "%") {
		if _, ok := wire.DecodePath(nil, []byte(s)); !ok {
			return false
		}
		s = strings.ReplaceAll(s, "%", "")
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~!$&'()*+,;=", r))
	}) < 0
}

func FuzzCheckHead(f *testing.F) {
	for _, tt := range headTests {
		f.Add([]byte(tt.raw), 5)
	}
	f.Add([]byte("Transfer-Encoding: chun\u212aed\r\n\r\n"), 5)
	f.Fuzz(func(t *testing.T, raw []byte, maxFields int) {
		maxFields = maxFields & 15
		flags, fault := wire.CheckHead(raw, maxFields)
		if got, want := fault == wire.HeadOK, slowHead(raw, maxFields); got != want {
			t.Errorf("CheckHead(%q, %d) = %v, want ok %v", raw, maxFields, fault, want)
		}
		if fault == wire.HeadOK && flags&wire.HeadHost != 0 != bytes.Contains(bytes.ToLower(append([]byte("\r\n"), raw...)), []byte("\r\nhost:")) {
			t.Errorf("CheckHead(%q): flags %b", raw, flags)
		}
	})
}

func FuzzCheckTarget(f *testing.F) {
	for _, tt := range targetTests {
		f.Add([]byte(tt.target))
	}
	f.Fuzz(func(t *testing.T, target []byte) {
		_, escapes := wire.DecodePath(nil, target)
		want := escapes && len(target) > 0 && bytes.IndexFunc(target, func(r rune) bool { return r <= 0x20 || r == 0x7f || r == '#' }) < 0
		if escaped, got := wire.CheckTarget(target); got != want || got && escaped != bytes.Contains(target, []byte("%")) {
			t.Errorf("CheckTarget(%q) = %v", target, got)
		}
	})
}

func BenchmarkCheckHead(b *testing.B) {
	for _, bench := range []struct{ name, head string }{{"wrk", wrkHead}, {"chrome", chromeHead}} {
		b.Run(bench.name, func(b *testing.B) {
			raw := []byte(bench.head)
			b.ReportAllocs()
			for b.Loop() {
				if _, fault := wire.CheckHead(raw, 100); fault != wire.HeadOK {
					b.Fatal(fault)
				}
			}
		})
	}
}

func BenchmarkCheckTarget(b *testing.B) {
	for _, bench := range []struct{ name, target string }{
		{"short", "/films/42"},
		{"long", "/films/?year.gt=2020&title=the%20good%20the%20bad&sort=-year&page=12"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			raw := []byte(bench.target)
			for b.Loop() {
				if _, ok := wire.CheckTarget(raw); !ok {
					b.Fatal("refused")
				}
			}
		})
	}
}
