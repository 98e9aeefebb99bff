package h3

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"github.com/quic-go/quic-go"
)

// Config holds the options of a Server. TLS is required; the zero values of the others are production-ready, and the same as quart's. A
// negative number or duration is off, no limit.
type Config struct {
	// Addr is the UDP address, "host:port", that Mount listens on. Default: ":443".
	Addr string
	// TLS has the certificates. It is not changed: HTTP/3 needs TLS 1.3 and its own ALPN, which a copy gets.
	TLS *tls.Config
	Log *slog.Logger // default: slog.Default()

	// AltSvcPort is the port that Mount announces to clients of other protocols, for one that a firewall forwards. Default: the port that is
	// listened on. Negative announces nothing.
	AltSvcPort int

	HandshakeTimeout time.Duration // 5 s without a packet before the handshake is done; it cannot be off
	// IdleTimeout is 30 s: of a connection that has no request handled, and of a network that brings nothing while one is, which is how a client
	// that vanished is found. It cannot be off.
	IdleTimeout     time.Duration
	BodyTimeout     time.Duration // 60 s of waiting for a request body (408)
	BodyReadTimeout time.Duration // 30 s of waiting for the next bytes of it (408)
	WriteTimeout    time.Duration // 10 s for each write to the client

	ShutdownGrace time.Duration // 8 s for requests under way when the server stops; negative waits for all of them
	ShutdownDelay time.Duration // 500 ms of still accepting when the server stops

	MaxConns       int // 20,000 connections (CONNECTION_REFUSED beyond); from half of them on, new clients must prove their address (Retry)
	MaxStreams     int // 250 requests of a connection at once; it cannot be off
	MaxHeaderBytes int // 16 KiB of a request head, counted as RFC 9114, section 4.2.2, says (431); it cannot be off
}

const (
	maxFields    = 100 // of a request head (431), as quart's
	maxUniStream = 16  // a client needs 3, and some send streams that mean nothing

	// The memory that a connection may fill before the handlers read.
	streamWindow    = 256 << 10
	maxStreamWindow = 1 << 20
	connWindow      = 1 << 20
	maxConnWindow   = 2 << 20
)

var errNoTLS = errors.New("h3: Config.TLS has no certificate")

func (c Config) withDefaults() (Config, error) {
	if t := c.TLS; t == nil || len(t.Certificates) == 0 && t.GetCertificate == nil && t.GetConfigForClient == nil {
		return c, errNoTLS
	}
	if c.Addr == "" {
		c.Addr = ":443"
	}
	if c.AltSvcPort > 65535 {
		return c, errors.New("h3: Config.AltSvcPort is no port")
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	orDefault(&c.HandshakeTimeout, 5*time.Second)
	orDefault(&c.IdleTimeout, 30*time.Second)
	orDefault(&c.BodyTimeout, 60*time.Second)
	orDefault(&c.BodyReadTimeout, 30*time.Second)
	orDefault(&c.WriteTimeout, 10*time.Second)
	orDefault(&c.ShutdownGrace, 8*time.Second)
	orDefault(&c.ShutdownDelay, 500*time.Millisecond)
	orDefault(&c.MaxConns, 20_000)
	orDefault(&c.MaxStreams, 250)
	orDefault(&c.MaxHeaderBytes, 16<<10)
	if c.HandshakeTimeout == 0 || c.IdleTimeout == 0 || c.MaxStreams == 0 || c.MaxHeaderBytes == 0 {
		return c, errors.New("h3: HandshakeTimeout, IdleTimeout, MaxStreams and MaxHeaderBytes cannot be off")
	}
	return c, nil
}

// orDefault replaces zero by the default and negatives by zero, which is off from here on.
func orDefault[T int | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
	*v = max(*v, 0)
}

func (c *Config) quic() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout: c.HandshakeTimeout,
		MaxIdleTimeout:       c.IdleTimeout,
		// An event stream may be silent for long: pings keep its path open, and tell when it is not. A connection without a request ends all the
		// same: see peer.
		KeepAlivePeriod:                c.IdleTimeout / 2,
		InitialStreamReceiveWindow:     streamWindow,
		MaxStreamReceiveWindow:         maxStreamWindow,
		InitialConnectionReceiveWindow: connWindow,
		MaxConnectionReceiveWindow:     maxConnWindow,
		MaxIncomingStreams:             int64(c.MaxStreams),
		MaxIncomingUniStreams:          maxUniStream,
	}
}
