// Contract is a server with a fixed set of routes, one for each thing that quart can do: what load generators, conformance
// suites and comparisons with other frameworks talk to.
//
//	go run ./examples/contract -addr 127.0.0.1:8080 [-h2c] [-tls-addr 127.0.0.1:8443 [-cert c.pem -key k.pem]] [-reuseport] [-www DIR]
//
// It prints "listening on HOST:PORT", one line for each listener, and stops gracefully on SIGTERM. Routes whose part of quart is
// still to come answer 501.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/goquart/quart"
)

func main() {
	var o options
	flag.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 takes a free one")
	flag.BoolVar(&o.h2c, "h2c", false, "speak HTTP/2 on -addr, too")
	flag.StringVar(&o.tlsAddr, "tls-addr", "", "`host:port` to listen on with TLS")
	flag.StringVar(&o.cert, "cert", "", "certificate `file` in PEM; without it, a self-signed one for localhost and 127.0.0.1 is made")
	flag.StringVar(&o.key, "key", "", "private key `file` in PEM")
	flag.BoolVar(&o.reusePort, "reuseport", false, "set SO_REUSEPORT, so that several processes share the ports")
	flag.StringVar(&o.www, "www", "", "`directory` that /static/ serves")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "contract:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	listeners, err := o.listen(ctx)
	if err != nil {
		return err
	}
	for _, l := range listeners {
		fmt.Println("listening on", l.Addr())
	}
	app := newApp(quart.Config{H2C: o.h2c}, o.www)
	return app.Serve(ctx, listeners[0], listeners[1:]...)
}
