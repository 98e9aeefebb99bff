// Package natsbroker carries the messages of a hub between processes through NATS, and keeps the recent ones in a JetStream stream:
//
//	broker, err := natsbroker.New(ctx, natsbroker.Config{URL: "nats://localhost:4222"})
//	if err != nil {
//		return err
//	}
//	defer broker.Close()
//	h := hub.New(hub.Config{Broker: broker})
//
// Package [github.com/goquart/quart/contrib/natsbroker/embedded] starts a server inside of the application, where there is none.
//
// # What is in NATS
//
// One stream, "quart", takes all topics: that called "room 1" is the subject "quart.msg.EPOCH.troom=201". The number of a message in the stream
// is its position, and the server repeats each message that it stores on "quart.live.EPOCH.troom=201" with its number and that of the one before
// it in the topic. Processes subscribe to those: no consumer is needed, and a gap shows. What is behind a gap, what came while the connection was
// away, and the history of who is new, they read from the stream by direct get requests.
//
// EPOCH is a random number of the stream. It is part of the subjects, so a message never gets a position of a stream that is not there any more:
// if the stream was deleted, or the server lost its disk, publishers find nobody who listens, look, and make a new one with an epoch of its own. The
// stream gets another epoch too when its last number is in front of one that was seen, as after a power failure that took what was acknowledged.
//
// # What it costs
//
// A subscription is about 2 KB in the process and 1.5 KB in the server, without a goroutine, and a request when it begins (10,000 took 2 s on two
// shared cores), some ten more where the stream has much more of the topic than Config.History, and one for each MiB of that history. When the connection comes back each topic is asked for once, 16 at a time (10,000 took 1.5 s). A publication is one request,
// about 200 µs alone and 40 µs of time among 64 at a time, with about 70 allocations, nearly all of them the client's. The server remembers the ID of each message for
// 30 seconds.
//
// # What is promised
//
// A message whose Publish succeeded is in the stream, and arrives at each subscription once and in order, whatever connections and servers do.
// A server that is killed has given all that it acknowledged to the operating system; what outlives the machine is up to the server's sync_interval
// and to Config.Replicas. A publication is tried again with the same ID, which the server stores once.
//
// A subscription that was away for longer than Config.Keep or Config.Backlog reaches goes on with what there is, and its positions have an
// epoch that nobody knows: the sign of the contract that messages are missing. The other subscriptions keep theirs.
//
// It needs nats-server 2.11 or later with JetStream, and the right to publish to "quart.msg.>", "$JS.API.STREAM.*.quart" (its INFO, CREATE and UPDATE),
// "$JS.API.STREAM.MSG.GET.quart" and "$JS.API.DIRECT.GET.quart", and to subscribe to "quart.live.>" and "_INBOX.>". Nobody else should publish to
// "quart.>": subscribers believe the numbers of the live messages.
package natsbroker
