package http2

import (
	"time"

	"github.com/valyala/fasthttp"
)

// Config holds a server's options. Its zero value is production-ready; a negative number or duration is off, no limit, where that is possible.
type Config struct {
	// MaxConcurrentStreams is how many requests a client may have open at a time; handlers that still run for a reset stream count. Default: 250.
	MaxConcurrentStreams int
	// MaxHeaderListSize bounds the fields of a request: the bytes of names and values and 32 for each (RFC 9113, section 10.5.1). Beyond it the request
	// is answered 431. Default: 16 KiB.
	MaxHeaderListSize int
	// MaxHeaderFields bounds their number (431). Default: 100.
	MaxHeaderFields int
	// MaxRequestBodySize bounds a body that is read before the handler runs (413). Without effect with StreamRequestBody. Default: 4 MiB, as fasthttp's.
	MaxRequestBodySize int
	// StreamRequestBody runs the handler as soon as the head is there; it reads the body from RequestCtx.RequestBodyStream. Else the handler runs when the body is
	// complete.
	StreamRequestBody bool
	// StreamWindow and ConnWindow are how many bytes of request bodies a client may send ahead of what handlers read: of each stream and of all. Defaults: 256 KiB, 1 MiB.
	StreamWindow, ConnWindow int
	// MaxPinned is how many bytes of finished responses may wait for one client that does not take them before its further requests wait, too. More may
	// wait for a client that takes much: what it takes in 8 seconds. Handlers under way count with the size that responses have lately: of a new
	// connection 32 run at a time, and soon more if what they answer is small, or takes long. Default: 4 MiB.
	MaxPinned int

	// WriteTimeout is for each write to the connection, of up to about 80 KiB, else that is closed; and how long a client may give no window to a stream that has
	// something to send, else that is reset. A write that waits goes on when about a third of the kernel's send buffer is free, on the same machine up to 1 MB: a client that takes
	// less than that in this time is closed, though it may read without a pause. Default: 15 s.
	WriteTimeout time.Duration

	PrefaceTimeout  time.Duration // 10 s for the connection preface, and for a block of header fields that spans frames
	IdleTimeout     time.Duration // 30 s without a stream, and without a frame
	BodyReadTimeout time.Duration // 30 s in which a client sends nothing of a body that a handler waits for
	PingInterval    time.Duration // 30 s of silence with streams open, then a PING; 15 s of silence without its answer end the connection

	// NoPush never pushes. Else a response whose Link fields have rel=preload, and no nopush, pushes what they name to a client that takes it.
	NoPush bool
	// ExtendedConnect accepts CONNECT with a :protocol (RFC 8441). The handler must look at Stream.Protocol: it sees such a request as a GET.
	ExtendedConnect bool
	// Inline says which requests are handled in the goroutine that reads the connection, which saves a switch. Their handlers must not wait for anything: all streams of the
	// connection wait meanwhile. Requests with a body are never handled so.
	Inline func(ctx *fasthttp.RequestCtx) bool

	Name                 string // of the Server field; none by default
	NoDefaultDate        bool   // no Date field
	NoDefaultContentType bool   // no Content-Type where the handler sets none
	Logger               fasthttp.Logger
}

// The limits that are no options. Rates are for one connection.
const (
	pingTimeout       = 15 * time.Second       // of silence while a PING is unanswered
	frameTimeout      = 30 * time.Second       // from the first byte of a frame to its last
	handshakeResend   = time.Second            // between the two GOAWAY frames of a graceful end
	answeredTime      = 200 * time.Millisecond // for the rest of a body whose request is answered
	lingerTime        = time.Second            // of reading on after a GOAWAY with an error
	maxContinuations  = 32                     // frames of a header block
	maxTombstones     = 256                    // streams that were reset by us and may still get frames
	maxResets         = 200                    // streams in a second that end by RST_STREAM, by whomever
	maxControlFrames  = 10_000                 // PING, SETTINGS, PRIORITY, WINDOW_UPDATE and unknown frames in a second
	maxEmptyFrames    = 1000                   // DATA, HEADERS and CONTINUATION frames without content in a second
	maxRefused        = 1000                   // streams over the limit in a second
	maxControlBacklog = 256 << 10              // bytes of unsent frames that are no data
	dataBacklog       = 64 << 10               // bytes of unsent frames from which on no more data is taken
	firstHandlers     = 32                     // of a connection at a time, until it is known how large their responses are
	takenIn           = 8                      // seconds in which a client takes what may wait for it, as fast as it did in the last one
	hardPinned        = 64                     // times what may wait: a response over it is reset
	maxUpdates        = 1 << 20                // such frames at most: a client may read late
	updateEvery       = 2 << 10                // bytes of DATA for each WINDOW_UPDATE that a client may send, besides two for each frame
	maxPushes         = 32                     // for one request
)

func (c Config) withDefaults() Config {
	orDefault(&c.MaxConcurrentStreams, 250)
	orDefault(&c.MaxHeaderListSize, 16<<10)
	orDefault(&c.MaxHeaderFields, 100)
	orDefault(&c.MaxRequestBodySize, fasthttp.DefaultMaxRequestBodySize)
	orDefault(&c.StreamWindow, 256<<10)
	orDefault(&c.ConnWindow, 1<<20)
	orDefault(&c.MaxPinned, 4<<20)
	orDefault(&c.PrefaceTimeout, 10*time.Second)
	orDefault(&c.IdleTimeout, 30*time.Second)
	orDefault(&c.WriteTimeout, 15*time.Second)
	orDefault(&c.BodyReadTimeout, 30*time.Second)
	orDefault(&c.PingInterval, 30*time.Second)
	for _, n := range []*int{&c.StreamWindow, &c.ConnWindow} {
		*n = min(max(*n, initialWindow), maxWindow)
	}
	for _, n := range []*int{&c.MaxConcurrentStreams, &c.MaxHeaderListSize, &c.MaxHeaderFields, &c.MaxRequestBodySize, &c.MaxPinned} {
		if *n < 0 {
			*n = maxWindow
		}
	}
	return c
}

func orDefault[T int | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// initialWindow is that of connections, and of streams without a setting (RFC 9113, section 6.9.2).
const initialWindow = 65_535
