// Package embedded runs a NATS server with JetStream in the process of the application, for package natsbroker: one machine needs nothing else, and
// more processes on it connect to the same server.
//
// It is a package of its own because the server makes a binary about 11 MB larger. Who has a server somewhere does not import it.
package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Config says where the server listens and stores. The zero value listens on a free port of 127.0.0.1 and stores in a directory below os.TempDir.
type Config struct {
	// Host is where it listens. Default: 127.0.0.1. Other hosts let others in: set Options.
	Host string

	// Port is where it listens. 0: a free one, see Server.URL. Negative: nowhere; only Server.Connect reaches it.
	Port int

	// Dir is where the messages are stored. Default: a directory "nats" in os.TempDir, which servers must not share.
	Dir string

	// Options may change what the server is configured with: TLS, users, a cluster, limits.
	Options func(*server.Options)
}

// Server is a running server.
type Server struct {
	nats *server.Server
}

// maxPayload is how long a message may be. The server's own default, 1 MiB, is that of a hub's messages without what comes around them.
const maxPayload = 4 << 20

// readyTimeout is how long a server may take to read what it has stored.
const readyTimeout = 30 * time.Second

// Start starts a server and waits until it takes connections. It takes messages up to 4 MiB, writes no log and does not listen to signals: call Close.
func Start(config Config) (*Server, error) {
	options := &server.Options{
		ServerName: "quart-embedded",
		Host:       config.Host,
		Port:       config.Port,
		StoreDir:   config.Dir,
		JetStream:  true,
		MaxPayload: maxPayload,
		NoLog:      true,
		NoSigs:     true,
	}
	if options.Host == "" {
		options.Host = "127.0.0.1"
	}
	switch {
	case config.Port == 0:
		options.Port = server.RANDOM_PORT
	case config.Port < 0:
		options.DontListen = true
	}
	if config.Options != nil {
		config.Options(options)
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	fatal := new(fatalLog)
	if options.NoLog {
		s.SetLogger(fatal, false, false)
	} else {
		s.ConfigureLogger()
	}
	s.Start() // says only to its log what went wrong
	if err := fatal.get(); err != nil || !s.ReadyForConnections(readyTimeout) || !s.JetStreamEnabled() {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("embedded: the server does not start: %w", cmp.Or(err, errors.New("it takes no connections")))
	}
	return &Server{s}, nil
}

// fatalLog keeps why a server does not start. It implements [server.Logger].
type fatalLog struct{ err atomic.Pointer[error] }

func (l *fatalLog) get() error {
	if err := l.err.Load(); err != nil {
		return *err
	}
	return nil
}

// Fatalf implements [server.Logger].
func (l *fatalLog) Fatalf(format string, v ...any) {
	err := fmt.Errorf(format, v...)
	l.err.CompareAndSwap(nil, &err)
}

// Noticef implements [server.Logger].
func (*fatalLog) Noticef(string, ...any) {}

// Warnf implements [server.Logger].
func (*fatalLog) Warnf(string, ...any) {}

// Errorf implements [server.Logger].
func (*fatalLog) Errorf(string, ...any) {}

// Debugf implements [server.Logger].
func (*fatalLog) Debugf(string, ...any) {}

// Tracef implements [server.Logger].
func (*fatalLog) Tracef(string, ...any) {}

// URL is where others connect to, "nats://127.0.0.1:4222"; "" if it does not listen.
func (s *Server) URL() string {
	if s.nats.Addr() == nil {
		return ""
	}
	return s.nats.ClientURL()
}

// Connect returns a connection that needs no network. It comes back by itself until it is closed.
func (s *Server) Connect(options ...nats.Option) (*nats.Conn, error) {
	return nats.Connect("", append([]nats.Option{nats.InProcessServer(s.nats), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1)}, options...)...)
}

// Nats is the server itself, for its statistics and what else it can do.
func (s *Server) Nats() *server.Server { return s.nats }

// Close ends the connections and the server, and waits for it until ctx is done. What was acknowledged stays in Config.Dir. Errors: that of ctx.
func (s *Server) Close(ctx context.Context) error {
	s.nats.Shutdown()
	ended := make(chan struct{})
	go func() {
		s.nats.WaitForShutdown()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
