package main

import "github.com/goquart/quart"

// large is for messages up to 16 MiB, compressed if the client can.
var large = quart.SocketConfig{ReadLimit: 16 << 20, Compress: true, ContextTakeover: true}

// echoSocket answers each message with itself.
func echoSocket(ws *quart.Socket) error {
	for m, err := range ws.Messages() {
		if err != nil {
			return err
		}
		if err := ws.Write(m); err != nil {
			return err
		}
	}
	return nil
}
