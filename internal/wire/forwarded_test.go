package wire_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/wire"
)

func hop(forNode, by, host, proto string) wire.Hop {
	field := func(s string) []byte {
		if s == "" {
			return nil
		}
		return []byte(s)
	}
	return wire.Hop{For: field(forNode), By: field(by), Host: field(host), Proto: field(proto)}
}

func hopText(h wire.Hop) string {
	return string(h.For) + "|" + string(h.By) + "|" + string(h.Host) + "|" + string(h.Proto)
}

var forwardedTests = []struct {
	header string
	n      int
	hop    wire.Hop
	ok     bool
}{
	{"", 0, wire.Hop{}, false},
	{" , ,", 0, wire.Hop{}, false},
	{"for=192.0.2.1", 0, hop("192.0.2.1", "", "", ""), true},
	{"for=192.0.2.1", 1, wire.Hop{}, false},
	{"For=a, for=b, FOR=c", 0, hop("c", "", "", ""), true},
	{"For=a, for=b, FOR=c", 1, hop("b", "", "", ""), true},
	{"For=a, for=b, FOR=c", 2, hop("a", "", "", ""), true},
	{"For=a, for=b, FOR=c", 3, wire.Hop{}, false},
	{`for="[2001:db8:cafe::17]:4711";proto=https;by=203.0.113.43;host="example.org:8443"`, 0, hop("[2001:db8:cafe::17]:4711", "203.0.113.43", "example.org:8443", "https"), true},
	{`for=_hidden, for="_SEVKISEK", for=unknown`, 1, hop("_SEVKISEK", "", "", ""), true},
	{`for=a;ext="x,y;z";proto=http, for=b`, 1, hop("a", "", "", "http"), true},
	{`for=a;ext="x\",y", for=b`, 1, hop("a", "", "", ""), true},
	{"for=a ; proto=http;", 0, hop("a", "", "", "http"), true},
	{";;for=a", 0, hop("a", "", "", ""), true},
	{"for=192.0.2.1:80", 0, hop("192.0.2.1:80", "", "", ""), true}, // without the quotes it should have
	{"ext=1", 0, wire.Hop{}, true},
	// what is left of a trusted element cannot change it
	{`for="evil, for=192.0.2.1`, 0, hop("192.0.2.1", "", "", ""), true},
	{`for="evil, for="[2001:db8::1]"`, 0, hop("[2001:db8::1]", "", "", ""), true},
	{`for="evil\, for="[2001:db8::1]"`, 0, hop("[2001:db8::1]", "", "", ""), true},
	{`for="evil, for=192.0.2.1`, 1, wire.Hop{}, false},
	// malformed
	{"for", 0, wire.Hop{}, false},
	{"for=", 0, wire.Hop{}, false},
	{"=a", 0, wire.Hop{}, false},
	{"for = a", 0, wire.Hop{}, false},
	{"for=a for=b", 0, wire.Hop{}, false},
	{"for=a;for=b", 0, wire.Hop{}, false},
	{`for="a"b`, 0, wire.Hop{}, false},
	{`for="a\b"`, 0, wire.Hop{}, false},
	{`for="a`, 0, wire.Hop{}, false},
	{`for=a"`, 0, wire.Hop{}, false},
	{"for=a@b", 0, wire.Hop{}, false},
}

func TestForwardedHop(t *testing.T) {
	for _, tt := range forwardedTests {
		got, ok := wire.ForwardedHop([]byte(tt.header), tt.n)
		if ok != tt.ok || hopText(got) != hopText(tt.hop) {
			t.Errorf("ForwardedHop(%q, %d) = %s, %v", tt.header, tt.n, hopText(got), ok)
		}
	}
	if got, ok := wire.ForwardedHop([]byte("for=a"), -1); ok {
		t.Errorf("a negative number gave %s", hopText(got))
	}
}

func TestListHop(t *testing.T) {
	for _, tt := range []struct {
		header string
		n      int
		want   string
		ok     bool
	}{
		{"", 0, "", false},
		{", ,", 0, "", false},
		{"a", 0, "a", true},
		{"a, b ,\tc", 0, "c", true},
		{"a, b ,\tc", 1, "b", true},
		{"a, b ,\tc", 2, "a", true},
		{"a, b ,\tc", 3, "", false},
		{"a,,b,", 1, "a", true},
		{"a", -1, "", false},
	} {
		got, ok := wire.ListHop([]byte(tt.header), tt.n)
		if string(got) != tt.want || ok != tt.ok {
			t.Errorf("ListHop(%q, %d) = %q, %v", tt.header, tt.n, got, ok)
		}
	}
}

var nodeTests = []struct {
	node string
	addr string // "" for none
	port uint16
}{
	{"192.0.2.1", "192.0.2.1", 0},
	{"192.0.2.1:8080", "192.0.2.1", 8080},
	{"192.0.2.1:_port", "192.0.2.1", 0},
	{"192.0.2.1:65535", "192.0.2.1", 65535},
	{"2001:db8::1", "2001:db8::1", 0},
	{"[2001:db8::1]", "2001:db8::1", 0},
	{"[2001:db8::1]:443", "2001:db8::1", 443},
	{"::ffff:192.0.2.1", "192.0.2.1", 0},
	{"[::ffff:192.0.2.1]:1", "192.0.2.1", 1},
	{"", "", 0},
	{"unknown", "", 0},
	{"_hidden", "", 0},
	{"_hidden:80", "", 0},
	{"192.0.2.1:", "", 0},
	{"192.0.2.1:65536", "", 0},
	{"192.0.2.1:100000", "", 0},
	{"192.0.2.1:x", "", 0},
	{"192.0.2.1:_", "", 0},
	{"192.0.2.256", "", 0},
	{"192.0.2.01", "", 0},
	{"[192.0.2.1]", "", 0},
	{"[2001:db8::1", "", 0},
	{"[2001:db8::1]x", "", 0},
	{"[]", "", 0},
	{"[", "", 0},
	{"fe80::1%eth0", "", 0},
	{"example.org", "", 0},
	{"ea.5", "", 0},
}

func TestParseNode(t *testing.T) {
	for _, tt := range nodeTests {
		addr, port := wire.ParseNode([]byte(tt.node))
		want := netip.Addr{}
		if tt.addr != "" {
			want = netip.MustParseAddr(tt.addr)
		}
		if addr != want || port != tt.port {
			t.Errorf("ParseNode(%q) = %v, %d", tt.node, addr, port)
		}
	}
}

// Whatever a client wrote, what the trusted proxy appended is read unchanged.
func FuzzForwarded(f *testing.F) {
	for _, tt := range forwardedTests {
		f.Add(tt.header, "192.0.2.1")
		f.Add(tt.header, "[2001:db8::1]:80")
	}
	f.Fuzz(func(t *testing.T, client, node string) {
		if strings.ContainsAny(node, "\"\\\r\n") {
			return
		}
		header := []byte(client + `, for="` + node + `";proto=https`)
		got, rest, ok := wire.ForwardedLast(header)
		if !ok || string(got.For) != node || string(got.Proto) != "https" {
			t.Errorf("ForwardedLast(%q) = %s, %v", header, hopText(got), ok)
		}
		if string(rest) != client {
			t.Errorf("ForwardedLast(%q): rest %q", header, rest)
		}
		for n := 0; ok; n++ {
			var again wire.Hop
			if again, ok = wire.ForwardedHop(header, n); ok != (n == 0 || hopAfter(rest, n-1)) {
				t.Errorf("ForwardedHop(%q, %d) = %s, %v", header, n, hopText(again), ok)
			}
		}
	})
}

func hopAfter(rest []byte, n int) bool {
	_, ok := wire.ForwardedHop(rest, n)
	return ok
}

func FuzzParseNode(f *testing.F) {
	for _, tt := range nodeTests {
		f.Add(tt.node)
	}
	f.Fuzz(func(t *testing.T, node string) {
		addr, port := wire.ParseNode([]byte(node))
		if want, err := netip.ParseAddr(node); err == nil && want.Zone() == "" && (addr != want.Unmap() || port != 0) {
			t.Errorf("ParseNode(%q) = %v, %d", node, addr, port)
		}
		if want, err := netip.ParseAddrPort(node); err == nil && want.Addr().Zone() == "" && addr.IsValid() && (addr != want.Addr().Unmap() || port != want.Port()) {
			t.Errorf("ParseNode(%q) = %v, %d, want %v", node, addr, port, want)
		}
		if !addr.IsValid() {
			return
		}
		again, p := wire.ParseNode([]byte(netip.AddrPortFrom(addr, port).String()))
		if again != addr || p != port {
			t.Errorf("ParseNode(%q) = %v, %d, and again %v, %d", node, addr, port, again, p)
		}
	})
}

func BenchmarkForwardedHop(b *testing.B) {
	header := []byte(`for=198.51.100.7, for="[2001:db8:cafe::17]:4711";proto=https;host=example.org`)
	for b.Loop() {
		h, _ := wire.ForwardedHop(header, 1)
		if addr, _ := wire.ParseNode(h.For); !addr.IsValid() {
			b.Fatal("no address")
		}
	}
}
