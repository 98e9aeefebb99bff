package http2_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// A fasthttp server that speaks HTTP/2 besides HTTP/1.1 on its TLS port.
func ExampleServer_Configure() {
	fast := &fasthttp.Server{
		Handler: func(ctx *fasthttp.RequestCtx) {
			fmt.Fprintf(ctx, "hello over %s", ctx.Request.Header.Protocol())
		},
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{exampleCertificate()}},
	}
	srv := new(http2.Server)
	srv.Configure(fast)
	l := exampleListener()
	go func() { _ = fast.ServeTLS(l, "", "") }()

	for _, h2 := range []bool{true, false} {
		client := &http.Client{Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // the certificate of an example
			ForceAttemptHTTP2: h2,
		}}
		fmt.Println(exampleGet(client, "https://"+l.Addr().String()))
		client.CloseIdleConnections()
	}
	_ = srv.Shutdown(context.Background())
	_ = fast.Shutdown()
	// Output:
	// HTTP/2.0 200 hello over HTTP/2.0
	// HTTP/1.1 200 hello over HTTP/1.1
}

// Both protocols on one port without TLS, for clients that know (curl --http2-prior-knowledge) and for those that ask by Upgrade (curl --http2).
func ExampleServer_Serve() {
	handler := func(ctx *fasthttp.RequestCtx) {
		fmt.Fprintf(ctx, "hello over %s", ctx.Request.Header.Protocol())
	}
	srv := &http2.Server{Handler: handler}
	fast := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		if !srv.Upgrade(ctx) {
			handler(ctx)
		}
	}}
	l := exampleListener()
	go func() { _ = srv.Serve(l, fast) }()

	for _, h2 := range []bool{true, false} {
		protocols := new(http.Protocols)
		protocols.SetUnencryptedHTTP2(h2)
		protocols.SetHTTP1(!h2)
		client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
		fmt.Println(exampleGet(client, "http://"+l.Addr().String()))
		client.CloseIdleConnections()
	}
	_ = l.Close()
	_ = srv.Shutdown(context.Background())
	// Output:
	// HTTP/2.0 200 hello over HTTP/2.0
	// HTTP/1.1 200 hello over HTTP/1.1
}

// What a page needs is pushed to clients that take it, which browsers do no more; all others are told at once what to ask for (103 Early Hints).
func ExampleStream_Push() {
	handler := func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/style.css" {
			ctx.SetBodyString("body { color: teal }")
			return
		}
		if s := http2.StreamOf(ctx); s != nil && s.Push("/style.css") != nil {
			_ = s.EarlyHints([]string{"</style.css>; rel=preload; as=style"})
		}
		ctx.SetBodyString("a page")
	}
	srv := &http2.Server{Handler: handler}
	l := exampleListener()
	go func() { _ = srv.Serve(l, &fasthttp.Server{Handler: handler}) }()

	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			fmt.Println(code, header.Get("Link"))
			return nil
		},
	})
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Addr().String(), nil)
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	fmt.Println(resp.StatusCode, string(body))
	client.CloseIdleConnections()
	_ = l.Close()
	_ = srv.Shutdown(context.Background())
	// Output:
	// 103 </style.css>; rel=preload; as=style
	// 200 a page
}

// exampleGet says what came of a GET.
func exampleGet(client *http.Client, url string) string {
	resp, err := client.Get(url)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(resp.Proto, " ", resp.StatusCode, " ", string(body))
}

func exampleListener() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	return l
}

func exampleCertificate() tls.Certificate {
	cert, err := newCertificate()
	if err != nil {
		panic(err)
	}
	return cert
}
