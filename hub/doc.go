// Package hub sends messages to every member of a topic at once, over websockets and event streams alike, in one process or, by way of a
// Broker, in many.
//
//	rooms := hub.New(hub.Config{})
//	app.WhileServing(rooms.Serve)
//	app.WebSocket("/chat/{room}", func(ws *quart.Socket) error { return rooms.Topic(ws.Param("room")).Relay(ws) })
//	app.Get("/news/{room}", func(c *quart.Ctx) error { return rooms.Topic(c.Param("room")).SSE(c) })
//	rooms.Topic("lobby").Publish(ctx, []byte("hello, all"))
//
// # The picture
//
// A Hub has topics by name. Publish gives a message to the broker, which numbers it (its Pos) and hands it to the hub of each process that
// has members there. The hub puts it at the end of the topic's history, encodes it once for each form that members need, and posts the same
// frame to all of them, one after the other. Post never blocks, so a slow reader delays nobody: its own queue fills up, and then what its
// configuration says happens to it alone (quart.SocketConfig.Overflow). A hub subscribes to a topic when its first member joins, from the
// beginning of what the broker has, so that who comes later or comes back is served from the memory of the process. Without members a topic
// is kept for 2 minutes, for those that come back, and then freed; one that never had a message, nor told anybody a position, goes at once.
//
// # Who comes back
//
// A position is a resume token. Event streams have it as the ID of each event, and browsers send the last one by themselves
// (Last-Event-ID). A socket that wants to resume asks for envelopes, keeps the id of the last one and sends it when it comes back, in the
// query for one. What came meanwhile is sent first, and then what comes, with nothing doubled, lost or out of order. A member is told
// whether that worked: after too long an absence it gets all of the history that there is, and must expect a gap. The position of one that was
// there before the topic's first message is known to its process only, for as long as the topic is kept there. In Go, with room, who and
// since read from the request:
//
//	return c.Upgrade(quart.SocketConfig{}, func(ws *quart.Socket) error {
//		return rooms.Topic(room).RelayWith(ws, hub.Options{Since: since, As: who, Format: hub.Envelope})
//	})
//
// and in the browser:
//
//	let since = ""
//	function connect() {
//		const ws = new WebSocket("/chat/lobby?since=" + encodeURIComponent(since))
//		ws.onmessage = (event) => {
//			const m = JSON.parse(event.data)
//			if (m.id) since = m.id
//			if ("recovered" in m) started(m.recovered, m.present)
//			else if (m.join) came(m.join)
//			else if (m.leave) left(m.leave)
//			else show(m.data)
//		}
//		ws.onclose = () => setTimeout(connect, 1000 + 2000 * Math.random())
//	}
//
// An event stream is an EventSource with listeners for "message" and, as wanted, "recovered", "present", "join" and "leave": see Format.
//
// # Who is there
//
// A member with Options.As is present in its topic. Topic.Present lists who is, in all processes, and members that asked for it and
// Config.OnPresence are told who comes and leaves. Processes tell each other what changes at once, and everything every 20 s, in messages of
// 100 KB at most; one that says nothing for 60 s has died, and who was there is there no more. Two members of one name are one. Only topics
// that use presence pay for it: a subscription more, and a message for each change.
//
// # What is bounded
//
// Names of topics and of who is present, by length; messages that are kept of a topic, by number, bytes and time; topics with members,
// topics without, and who is present in a topic, by number: see Config. A publisher waits when more than 1,024 messages wait to be
// delivered in its process. What one client may join, and how often it may publish, is for Config.Authorize to decide, and for the app.
package hub
