// Package redisbroker carries the messages of a hub between processes through Redis, and keeps the recent ones there:
//
//	broker, err := redisbroker.New(redisbroker.Config{URL: "redis://localhost:6379/0"})
//	if err != nil {
//		return err
//	}
//	defer broker.Close()
//	h := hub.New(hub.Config{Broker: broker})
//
// # What is in Redis
//
// Each topic has two keys, which Redis Cluster puts into the same slot: the stream "quart:{topic}" with its messages, whose IDs are "seq-0", and the
// hash "quart:{topic}m", its head, with the epoch and the last number. One script numbers the messages of a batch, adds them to the stream, trims
// it and publishes them on the channel that is called as the stream. So numbers, stream and channel never differ, and a reader of the channel
// sees by the numbers alone when it missed something. Every key has an expiry: the stream's is Config.Keep behind the last message, the head's is
// Config.Remember behind the last message or subscriber.
//
// # What it costs
//
// Publishing is one round trip and one script for all messages that gathered for a topic while the previous script was under way: about
// 50 µs of the server for a message alone, less than 10 µs for each in a batch of many. Receiving is one connection per process, however many
// topics there are; besides it the client's pool serves publications and reads. Every 5 seconds the process asks, in pipelines, for the heads of
// up to 1,000 topics that were silent, so that a loss nobody told it of is found. The stream holds Config.Reserve messages more than the history,
// for subscriptions that were away for a moment. In a Redis Cluster every message goes to every node, as PUBLISH does; sharded channels
// would need a connection per node.
//
// # What is promised
//
// What the server has acknowledged arrives at each subscription once and in order, whatever connections do. A publication is tried again when its
// connection was lost, and the script knows batches that it had already. How much of what was acknowledged outlives the server is up to its
// persistence: with appendonly yes and appendfsync always all of it, with everysec up to a second is lost when the machine fails, without
// persistence everything. The failover to a replica loses what the replica did not have yet. A server that comes back begins again with higher
// numbers, so that a position is never used for two messages, and a position of a lost message is not recovered from.
//
// A subscription that was away for longer than the history reaches goes on with what there is, with another epoch: the sign of the contract that
// messages are missing. Only the positions of this subscription change; elsewhere, they are of an unknown epoch.
//
// It needs Redis 6.2 or Valkey 7.2, or later, and the rights to EVALSHA, EVAL, SUBSCRIBE, PUBLISH and the stream and hash commands on the
// prefix. INFO is used if it is allowed: without it a restart that lost messages is noticed by those alone that had received them. go-redis
// writes a line to the standard error for connections that fail; redis.SetLogger changes that for the whole process.
package redisbroker
