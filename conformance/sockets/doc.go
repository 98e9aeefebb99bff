// Package sockets tests the websockets of examples/contract from outside: with the 517 cases of conformance/wsconform, with the clients that
// people use, and, byte by byte, with what an attacker, a proxy or a lost network sends.
//
//	go test ./conformance/sockets
//
// The clients are ws on Node.js (18 or later), which npm installs to a temporary folder as package-lock.json has it, and Debian's
// python3-websockets. Where one is missing its tests are skipped; with CI=true they fail. Chromium is in conformance/browser.
//
// It has no code besides its tests.
package sockets
