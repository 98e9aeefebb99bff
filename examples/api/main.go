// Api is a JSON API of a to-do list in memory, with its documentation:
//
//	go run ./examples/api [-addr 127.0.0.1:8080]
//
// http://127.0.0.1:8080/docs shows and tries it, /openapi.json is the document of it.
//
//	POST   /echo        {"input": the JSON that was sent, "extra": true}
//	GET    /todos/      the to-dos, ?done=false&limit=20&after=0
//	POST   /todos/      a new one: {"task":"Water the plants","due":"2030-05-01T12:00:00Z"}
//	GET    /todos/{id}  one
//	PUT    /todos/{id}  another task, date or state of it
//	DELETE /todos/{id}
//
// With curl: curl --json '{"task":"Water the plants"}' http://127.0.0.1:8080/todos/
package main

import (
	"flag"

	"github.com/goquart/quart"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.Parse()
	newApp(quart.Config{}).Run(*addr)
}
