package wsproto_test

import (
	"fmt"

	"github.com/goquart/quart/internal/wsproto"
)

// An echo, without the connection.
func Example() {
	var d wsproto.Decoder
	d.Init(1<<20, wsproto.Params{})
	defer d.Free()

	n := copy(d.Space(), "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58") // RFC 6455, section 5.7
	d.Added(n)

	e, err := d.Next()
	fmt.Printf("%q %v\n", e.Data, err)
	fmt.Printf("%x\n", wsproto.AppendFrame(nil, wsproto.OpText, e.Data))

	e, err = d.Next()
	fmt.Println(e.Kind == wsproto.None, err, d.Idle())

	// Output:
	// "Hello" <nil>
	// 810548656c6c6f
	// true <nil> true
}
