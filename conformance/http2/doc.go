// Package http2 tests the HTTP/2 of examples/contract from outside, with the clients that people use: h2spec, curl, nghttp, h2load, Go's
// net/http and, frame by frame, the h2 package of Python. Chromium is in conformance/browser.
//
//	go test ./conformance/http2
//
// The server runs as a process of its own, on free ports of the loopback, with -h2c: HTTP/2 comes over TLS by ALPN, and to the plain port with
// prior knowledge and by Upgrade. It is started once for each test function.
//
// The clients are Debian's curl, nghttp2-client (nghttp and h2load) and python3-h2. h2spec is the one of $PATH, or is built with the versions
// that testdata/h2spec/go.mod pins: 2.2.1, the last that the Go module proxy has, which knows 145 cases, and 146 with -S; from 2.3 on it knows
// one more, and any newer one may be used. Where a client is missing its tests are skipped; with CI=true they fail.
//
// One of h2spec's cases may fail on the plain port: http2/3.5/2, for which what is no preface is an error of the connection. There it is a request of
// HTTP/1.1, and answered as one.
//
// A single client, and a single case:
//
//	go test ./conformance/http2 -run 'TestCurl/by_upgrade'
//	go test ./conformance/http2 -run 'TestH2spec/over_TLS' -v
//	python3 conformance/http2/client.py https://127.0.0.1:8443 [words of a test's name]
//
// It has no code besides its tests.
package http2
