//go:build linux

package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/valyala/fasthttp"
)

// ---- fasthttp: the handler of the package http2, and of HTTP/1.1 ----

var paramPrefix = []byte(paramPath)

// answerFast answers as a program on raw fasthttp does.
func answerFast(fc *fasthttp.RequestCtx) {
	fc.SetContentType(plainText)
	switch path := fc.Path(); string(path) {
	case plainPath:
		fc.SetBodyString(helloWorld)
	case jsonPath:
		b, err := json.Marshal(hello)
		if err != nil {
			fc.Error(err.Error(), 500)
			return
		}
		fc.SetContentType(jsonType)
		fc.SetBody(b)
	case lengthPath:
		var digits [20]byte
		fc.SetBody(strconv.AppendInt(digits[:0], int64(len(fc.PostBody())), 10))
	case bigPath:
		fc.SetContentType(anyBytes)
		fc.Response.SetBodyRaw(filler)
	case largePath:
		fc.SetContentType(anyBytes)
		fc.SetBodyStream(largeBody(), largeBytes)
	default:
		word, ok := bytes.CutPrefix(path, paramPrefix)
		if !ok {
			fc.NotFound()
			return
		}
		fc.SetBody(word)
	}
}

// serveFast is HTTP/1.1; a buffer of 0 bytes is fasthttp's default.
func serveFast(l net.Listener, cert *tls.Certificate, buffer int) error {
	if cert != nil {
		l = tls.NewListener(l, tlsConfig(cert, alpnHTTP1))
	}
	s := &fasthttp.Server{Handler: answerFast, NoDefaultServerHeader: true, WriteBufferSize: buffer}
	return s.Serve(l)
}

// ---- net/http ----

func newMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+plainPath, func(w http.ResponseWriter, _ *http.Request) { write(w, plainText, []byte(helloWorld)) })
	mux.HandleFunc("GET "+jsonPath, func(w http.ResponseWriter, _ *http.Request) {
		b, err := json.Marshal(hello)
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		write(w, jsonType, b)
	})
	mux.HandleFunc("POST "+lengthPath, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		write(w, plainText, strconv.AppendInt(nil, int64(len(b)), 10))
	})
	mux.HandleFunc("GET "+paramPath+"{word}", func(w http.ResponseWriter, r *http.Request) { write(w, plainText, []byte(r.PathValue("word"))) })
	mux.HandleFunc("GET "+bigPath, func(w http.ResponseWriter, _ *http.Request) { write(w, anyBytes, filler) })
	mux.HandleFunc("GET "+largePath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", anyBytes)
		w.Header().Set("Content-Length", strconv.Itoa(largeBytes))
		_, _ = io.Copy(w, largeBody()) // a client that left is no failure
	})
	return mux
}

func write(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(body) // a client that left is no failure
}

// serveNet is net/http's own HTTP/2, with its default limits.
func serveNet(l net.Listener, cert *tls.Certificate) error {
	s := &http.Server{Handler: newMux(), Protocols: new(http.Protocols)}
	if cert == nil {
		s.Protocols.SetUnencryptedHTTP2(true)
		return s.Serve(l)
	}
	s.Protocols.SetHTTP2(true)
	s.TLSConfig = tlsConfig(cert, alpnHTTP2)
	return s.ServeTLS(l, "", "")
}
