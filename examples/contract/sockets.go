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

// follow answers with a topic as an event stream, which goes on where the client's Last-Event-ID says.
func (s *server) follow(c *quart.Ctx) error { return s.hub.Topic("topic/" + c.Param("name")).SSE(c) }

// publish sends the body to a topic and answers with its position.
func (s *server) publish(c *quart.Ctx) error {
	body, err := c.Body()
	if err != nil {
		return err
	}
	pos, err := s.hub.Topic("topic/"+c.Param("name")).Publish(c.Context(), body)
	if err != nil {
		return err
	}
	return c.JSON(200, struct {
		ID string `json:"id"`
	}{pos.String()})
}
