package hpack_test

import (
	"fmt"

	"github.com/goquart/quart/http2/internal/hpack"
)

func Example() {
	var enc hpack.Encoder
	var dec hpack.Decoder
	enc.Init(4096)
	dec.Init(4096)

	var block []byte
	for range 3 {
		block = enc.Begin(block[:0])
		block = enc.AppendStatus(block, 200)
		block = enc.AppendResponse(block, []byte("Content-Type"), []byte("text/html"))
		block = enc.AppendResponse(block, []byte("Set-Cookie"), []byte("id=1"))
		fmt.Println(len(block), "bytes")
		err := dec.Decode(block, func(name, value []byte, sensitive bool) error {
			fmt.Printf("  %s: %s (sensitive: %v)\n", name, value, sensitive)
			return nil
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// 17 bytes
	//   :status: 200 (sensitive: false)
	//   content-type: text/html (sensitive: false)
	//   set-cookie: id=1 (sensitive: true)
	// 16 bytes
	//   :status: 200 (sensitive: false)
	//   content-type: text/html (sensitive: false)
	//   set-cookie: id=1 (sensitive: true)
	// 8 bytes
	//   :status: 200 (sensitive: false)
	//   content-type: text/html (sensitive: false)
	//   set-cookie: id=1 (sensitive: true)
}
