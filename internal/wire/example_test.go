package wire_test

import (
	"fmt"
	"time"

	"github.com/goquart/quart/internal/wire"
)

func ExampleCheckHead() {
	raw := []byte("Host: example.org\r\nX Forwarded: spoofed\r\n\r\n")
	if _, fault := wire.CheckHead(raw, 100); fault != wire.HeadOK {
		fmt.Println(fault.Status(), fault)
	}
	// Output: 400 a field name has a space
}

func ExampleMediaType() {
	offers := []string{"application/json", "text/html; charset=utf-8"}
	fmt.Println(wire.MediaType([]byte("text/*;q=0.8, application/json;q=0.5"), offers))
	fmt.Println(wire.MediaType([]byte("image/png"), offers))
	// Output:
	// 1
	// -1
}

func ExampleLanguage() {
	fmt.Println(wire.Language([]byte("de-AT, en;q=0.5"), []string{"en", "de"}))
	// Output: 1
}

func ExampleCookieNext() {
	header := []byte(`theme=dark; id="42"`)
	for name, value, rest, ok := wire.CookieNext(header); ok; name, value, rest, ok = wire.CookieNext(rest) {
		fmt.Printf("%s is %s\n", name, value)
	}
	// Output:
	// theme is dark
	// id is 42
}

func ExampleAppendSetCookie() {
	c := wire.SetCookie{Name: "__Host-id", Value: "42", Path: "/", SameSite: "Lax", MaxAge: time.Hour, Secure: true, HttpOnly: true}
	line, err := wire.AppendSetCookie(nil, &c)
	fmt.Println(string(line), err)
	c.Value = "a;b"
	_, err = wire.AppendSetCookie(nil, &c)
	fmt.Println(err)
	// Output:
	// __Host-id=42; Max-Age=3600; Path=/; Secure; HttpOnly; SameSite=Lax <nil>
	// cookie "__Host-id": byte 0x3b in the value
}

// With two trusted proxies the client's address is in the second element from
// the right; what it wrote itself stands further left.
func ExampleForwardedHop() {
	header := []byte(`for=10.0.0.1, for="[2001:db8::17]:4711";proto=https, for=192.0.2.43`)
	hop, ok := wire.ForwardedHop(header, 1)
	addr, port := wire.ParseNode(hop.For)
	fmt.Println(addr, port, string(hop.Proto), ok)
	// Output: 2001:db8::17 4711 https true
}

func ExampleListHop() {
	node, _ := wire.ListHop([]byte("10.0.0.1, 198.51.100.7, 192.0.2.43"), 1)
	addr, _ := wire.ParseNode(node)
	fmt.Println(addr)
	// Output: 198.51.100.7
}

func ExampleBasicCredentials() {
	_, credentials := wire.Authorization([]byte("Basic dXNlcjpwYTpzcw=="))
	user, password, ok := wire.BasicCredentials(make([]byte, 0, 64), credentials)
	fmt.Println(string(user), string(password), ok)
	// Output: user pa:ss true
}

func ExampleETagMatch() {
	fmt.Println(wire.ETagMatch([]byte(`"old", W/"new"`), []byte(`"new"`), true))
	// Output: true
}

func ExampleParseRange() {
	var space [8]wire.Range
	fmt.Println(wire.ParseRange([]byte("bytes=0-4, -3"), 100, space[:0]))
	fmt.Println(wire.ParseRange([]byte("bytes=100-"), 100, space[:0]))
	// Output:
	// [{0 5} {97 3}] <nil>
	// [] unsatisfiable range
}

func ExampleAppendPathSegment() {
	dst := append([]byte(nil), "/films/"...)
	dst = wire.AppendPathSegment(dst, "Fast/Furious é")
	dst = wire.AppendQuery(append(dst, "?q="...), "a b&c")
	fmt.Println(string(dst))
	// Output: /films/Fast%2FFurious%20%C3%A9?q=a+b%26c
}

func ExampleAppendLocation() {
	location, ok := wire.AppendLocation(nil, "/café?x=%20")
	fmt.Println(string(location), ok)
	_, ok = wire.AppendLocation(nil, "/\r\nSet-Cookie: a=b")
	fmt.Println(ok)
	// Output:
	// /caf%C3%A9?x=%20 true
	// false
}

func ExampleQueryNext() {
	query := []byte("q=a+b&page=2&all")
	for len(query) > 0 {
		var key, value []byte
		key, value, query = wire.QueryNext(query)
		text, _ := wire.DecodeQuery(nil, value)
		fmt.Printf("%s: %q\n", key, text)
	}
	// Output:
	// q: "a b"
	// page: "2"
	// all: ""
}

func ExampleAppendJSONString() {
	fmt.Println(string(wire.AppendJSONString(nil, "no <film> \"42\"\n")))
	// Output: "no \u003cfilm\u003e \"42\"\n"
}

func ExampleJSONDepth() {
	fmt.Println(wire.JSONDepth([]byte(`[[1],{"a":"[[["}]`), 2), wire.JSONDepth([]byte(`[[[1]]]`), 2))
	// Output: true false
}

// A comment may stand right before an event. What is no valid id is refused: it
// could forge fields of its own.
func ExampleAppendEvent() {
	stream := wire.AppendComment(nil, "hello")
	stream, _ = wire.AppendEvent(stream, "42", "tick", "two\nlines", 3*time.Second)
	fmt.Printf("%s", stream)
	_, ok := wire.AppendEvent(nil, "42\ndata: forged", "", "", 0)
	fmt.Println(ok)
	// Output:
	// : hello
	// id: 42
	// event: tick
	// retry: 3000
	// data: two
	// data: lines
	//
	// false
}
