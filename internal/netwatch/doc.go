// Package netwatch tells when the peer of a connection has left, while nobody
// reads from that connection: while a handler computes, streams or waits.
//
// A [Watcher] looks at the socket, not at its bytes. It reads nothing, takes no
// lock that a Read or a Write holds, and knows nothing of TLS: the connection
// below the TLS one is what is watched. Unread input, a pipelined request for
// instance, stays where it is and hides nothing on Linux.
//
// # What counts as having left
//
//   - The peer closed its socket, or its process ended.
//   - The peer reset the connection, or the kernel gave it up: keep-alive probes
//     or retransmissions without an answer.
//   - The peer closed its writing side only (shutdown, `nc -N`). TCP cannot tell
//     such a half-closed peer, that still reads, from one that closed its socket,
//     before something is written to it. The client of a half-closed connection
//     is taken for gone.
//   - Our own side stopped reading (CloseRead): the kernel reports the same.
//
// Closing the connection itself is not reported.
//
// What the kernel does not know cannot be reported. A machine that lost its
// power or its network sends nothing: keep-alive probes or a write find it out.
// An end that waits behind more input than the socket's receive buffer takes is
// seen when that input has been read; a reset is seen at once.
//
// Connections are stream sockets, TCP or unix.
//
// # Systems
//
// Linux has one epoll for each watcher, in which every connection stands for one
// event. The Go runtime's own poller waits for that epoll, so that no thread is
// held. An end is reported as fast as the runtime hands out network events: within
// some tens of microseconds on a machine that is not busy (BenchmarkGone). A
// connection whose peer had left before it was watched is reported at once.
//
// Other unix systems ask each watched connection every 250 ms whether its input
// has ended, in one goroutine that runs while anything is watched. This is blind
// behind unread input: an end is seen when what was sent before it has been
// read. A reset that it finds is taken from the socket: the next Read may return
// io.EOF in place of ECONNRESET. One round costs one system call per connection
// (BenchmarkPollRound).
//
// Elsewhere (Windows, AIX, Plan 9, WebAssembly) [Watcher.Watch] returns
// [ErrUnsupported].
//
// # Cost
//
// Nothing runs, and no descriptor is open, before the first Watch. A watcher has
// one goroutine, and on Linux one descriptor. Its table grows to the number of
// connections that are watched at the same time, with 24 bytes for each on 64-bit
// Linux, 40 elsewhere, and does not shrink. Watch is one system call on Linux, two
// for a connection that was watched before, and no allocation (BenchmarkWatch);
// Forget is none.
package netwatch
