//go:build linux

package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/goquart/quart/bench/internal/proc"
)

// Paths. All servers have echoPath and, but for coder, roomPath.
const (
	echoPath   = "/echo"
	roomPath   = "/room"   // listens to what is sent to all
	topicPath  = "/topic"  // the same as a member of a hub's topic
	eventsPath = "/events" // an event stream that is one
)

// A site is one server: what it serves, and how it sends to all members. The names of send are questions of the load.
type site struct {
	serve   func(net.Listener) error
	members func() int
	send    map[string]func(message []byte) error
}

// newSite makes the site of a server process. With a directory it serves TLS with the certificate that is there.
func newSite(name, dir string) (*proc.Site, error) {
	i := indexOf(peers, name)
	if i < 0 {
		return nil, fmt.Errorf("no server is named %q", name)
	}
	st := peers[i].site()
	serve := st.serve
	if dir != "" {
		cert, err := tls.LoadX509KeyPair(filepath.Join(dir, certFile), filepath.Join(dir, keyFile))
		if err != nil {
			return nil, err
		}
		serve = func(l net.Listener) error {
			return st.serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}}))
		}
	}
	return &proc.Site{Serve: serve, Answer: st.answer}, nil
}

// answer answers what the broadcasts ask.
func (st *site) answer(question, arg string) ([]int64, error) {
	if question == "members" {
		return []int64{int64(st.members())}, nil
	}
	send, ok := st.send[question]
	if !ok {
		return nil, fmt.Errorf("nothing is sent by %q", question)
	}
	n, err := strconv.Atoi(arg)
	if err != nil {
		return nil, err
	}
	message := announcement()
	for range n {
		if err := send(message); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// A room holds the sockets that a server sends to.
type room[T any] struct {
	mu      sync.Mutex
	sockets []T
}

func (r *room[T]) join(s T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sockets = append(r.sockets, s)
}

func (r *room[T]) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sockets)
}

// each calls f until it fails: who asked finds that messages are missing.
func (r *room[T]) each(f func(T) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sockets {
		if err := f(s); err != nil {
			return err
		}
	}
	return nil
}
