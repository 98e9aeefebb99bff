package main

import (
	"fmt"
	"time"
)

// closing adds a case that closes the connection itself.
func closing(id, desc string, clean bool, codes []int, run func(c *client, k *testCase)) *testCase {
	return add(&testCase{id: id, desc: desc, byMe: true, codes: codes, clean: clean, suppress: true, codeFatal: true, kill: time.Second, run: run})
}

// Sections 7.1 to 7.5: the closing handshake.
func addClosing() {
	const hello = "Hello World!"
	normal := []int{1000}
	k := closing("7.1.1", "message, then close", true, normal, func(c *client, _ *testCase) { c.send(opText, true, hello) })
	k.ok, k.suppress = []event{text(hello)}, false
	for i, late := range []part{{opClose, true, ""}, {opPing, true, ""}, {opText, true, hello}} {
		closing(fmt.Sprint("7.1.", 2+i), fmt.Sprintf("opcode %d after close", late.op), true, normal, func(c *client, _ *testCase) {
			c.sendClose(1000)
			c.send(late.op, late.fin, late.p)
		})
	}
	closing("7.1.5", "fragment, close, fragment", true, normal, func(c *client, _ *testCase) {
		c.send(opText, false, "fragment1")
		c.sendClose(1000)
		c.send(opContinuation, true, "fragment2")
	})
	k = closing("7.1.6", "message of 256K, close, ping", true, normal, func(c *client, _ *testCase) {
		c.send(opText, true, fill("BAsd7&jh23", 256<<10))
		c.send(opText, true, hello)
		c.sendClose(1000)
		c.send(opPing, true, "")
	})
	k.ok, k.info = []event{text(hello)}, true
	k.or()
	closing("7.3.1", "close without payload", true, normal, func(c *client, _ *testCase) { c.closeFrame(nil) })
	closing("7.3.2", "close with 1 byte", false, []int{1002}, func(c *client, _ *testCase) { c.closeFrame([]byte("a")) })
	closing("7.3.3", "close with code", true, normal, func(c *client, _ *testCase) { c.sendClose(1000) })
	closing("7.3.4", "close with code and reason", true, normal, func(c *client, _ *testCase) { c.closeFrame(codeBytes(1000, hello)) })
	closing("7.3.5", "close reason of 123 bytes", true, normal, func(c *client, _ *testCase) { c.closeFrame(codeBytes(1000, fill("*", 123))) })
	closing("7.3.6", "close reason of 124 bytes", false, []int{1002}, func(c *client, _ *testCase) { c.closeFrame(codeBytes(1000, fill("*", 124))) })
	closing("7.5.1", "close reason with invalid UTF-8", false, []int{1002, 1007}, func(c *client, _ *testCase) { c.closeFrame(codeBytes(1000, surrogate)) })
}

// Sections 7.7 to 7.13: close codes.
func addCodes() {
	for i, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		closing(fmt.Sprint("7.7.", i+1), fmt.Sprint("valid close code ", code), true, []int{1000, code}, func(c *client, _ *testCase) { c.sendClose(code) })
	}
	for i, code := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999} {
		closing(fmt.Sprint("7.9.", i+1), fmt.Sprint("invalid close code ", code), false, []int{1002}, func(c *client, _ *testCase) { c.sendClose(code) })
	}
	for i, code := range []int{5000, 65535} {
		k := closing(fmt.Sprint("7.13.", i+1), fmt.Sprint("close code ", code), false, []int{1000, code, 1002}, func(c *client, _ *testCase) { c.sendClose(code) })
		k.info = true
	}
}
