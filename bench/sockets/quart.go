//go:build linux

package main

import (
	"context"
	"net"

	"github.com/goquart/quart"
	"github.com/goquart/quart/hub"
)

func quartSite() *site {
	var members room[*quart.Socket]
	app := quart.New(quart.Config{})
	app.WebSocket(echoPath, func(ws *quart.Socket) error {
		for m, err := range ws.Messages() {
			if err != nil {
				return err
			}
			if err := ws.Write(m); err != nil {
				return err
			}
		}
		return nil
	})
	app.WebSocket(roomPath, func(ws *quart.Socket) error {
		members.join(ws)
		for _, err := range ws.Messages() {
			if err != nil {
				return err
			}
		}
		return nil
	})
	topic := hub.New(hub.Config{}).Topic("all")
	app.WebSocket(topicPath, topic.Relay)
	app.SSE(eventsPath, topic.Follow)
	return &site{
		serve:   func(l net.Listener) error { return app.Serve(context.Background(), l) },
		members: func() int { return members.len() + topic.Members() },
		send: map[string]func([]byte) error{
			sendPost: func(message []byte) error {
				frame := quart.NewFrame("", quart.Message{Data: message, Binary: true})
				return members.each(func(ws *quart.Socket) error { return ws.Post(frame) })
			},
			sendHub: func(message []byte) error {
				_, err := topic.Publish(context.Background(), message)
				return err
			},
		},
	}
}
