package main

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const dialTimeout = 5 * time.Second // for the connection and the handshake

// target is the server under test.
type target struct {
	addr, path string
	tls        bool
}

// event is something that came from the server, or that a case notes between two of them.
type event struct {
	kind   string // message, pong, timeout, done, UNIMPLEMENTED
	data   []byte
	binary bool
}

func (e event) String() string {
	return fmt.Sprintf("%s(%q binary=%v len=%d)", e.kind, e.data[:min(len(e.data), 24)], e.binary, len(e.data))
}

// deflate is what the handshake has agreed on.
type deflate struct {
	on                                        bool
	serverNoTakeover, clientNoTakeover        bool
	serverBits, clientBits                    int
	serverBitsAnswered, clientBitsWereOffered bool
}

// client is a connection that does what a case says, right or wrong, and is strict about what the server does.
type client struct {
	nc      net.Conn
	br      *bufio.Reader
	deflate deflate
	events  chan event
	closed  chan struct{} // by either end

	sending  sync.Mutex
	deflater *flate.Writer
	deflated bytes.Buffer
	inflater inflater

	mu                  sync.Mutex
	violation           string // of a rule by the server, the first one
	sentClose, gotClose bool
	byMe                bool // the end began here
	dropped             bool // the TCP connection was closed here
	closeCode           int  // the server's; -1 for none
}

// dial opens a websocket, with the extension offers given.
func dial(t target, offers string) (*client, error) {
	nc, err := net.DialTimeout("tcp", t.addr, dialTimeout)
	if err != nil {
		return nil, err
	}
	if t.tls {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	}
	c := &client{nc: nc, br: bufio.NewReaderSize(nc, 1<<16), events: make(chan event, 4096), closed: make(chan struct{}), closeCode: -1}
	_ = nc.SetDeadline(time.Now().Add(dialTimeout))
	if err := c.shakeHands(t, offers); err != nil {
		_ = nc.Close()
		return nil, err
	}
	_ = nc.SetDeadline(time.Time{})
	c.inflater.window = 1 << c.deflate.serverBits
	go c.receive()
	return c, nil
}

func (c *client) shakeHands(t target, offers string) error {
	var random [16]byte
	_, _ = rand.Read(random[:])
	key := base64.StdEncoding.EncodeToString(random[:])
	request := "GET " + t.path + " HTTP/1.1\r\nHost: " + t.addr + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: " + key + "\r\nSec-WebSocket-Version: 13\r\n"
	if offers != "" {
		request += "Sec-WebSocket-Extensions: " + offers + "\r\n"
	}
	if _, err := c.nc.Write([]byte(request + "\r\n")); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	switch {
	case resp.StatusCode != http.StatusSwitchingProtocols:
		return errors.New("status " + resp.Status)
	case resp.Header.Get("Sec-Websocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]):
		return errors.New("bad Sec-WebSocket-Accept")
	case !strings.EqualFold(resp.Header.Get("Upgrade"), "websocket"), !strings.EqualFold(resp.Header.Get("Connection"), "upgrade"):
		return errors.New("bad Upgrade or Connection")
	}
	c.deflate = deflate{serverBits: 15, clientBits: 15, clientBitsWereOffered: strings.Contains(offers, "client_max_window_bits")}
	answer := resp.Header.Get("Sec-Websocket-Extensions")
	if answer == "" {
		return nil
	}
	if err := c.deflate.accept(answer); err != nil {
		return err
	}
	for offer := range strings.SplitSeq(offers, ",") {
		if c.deflate.satisfies(offer) {
			return nil
		}
	}
	return fmt.Errorf("the extension %q satisfies none of the offers %q", answer, offers)
}

// accept reads the server's answer to the offers (RFC 7692, section 7.1).
func (d *deflate) accept(answer string) error {
	name, params, _ := strings.Cut(answer, ";")
	if strings.TrimSpace(name) != "permessage-deflate" {
		return errors.New("unknown extension " + name)
	}
	d.on = true
	seen := map[string]bool{}
	if params == "" {
		return nil
	}
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if seen[name] {
			return errors.New("two extension parameters " + name)
		}
		seen[name] = true
		if err := d.set(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (d *deflate) set(name, value string) error {
	bits, err := strconv.Atoi(value)
	hasBits := err == nil && bits >= 8 && bits <= 15
	switch {
	case name == "server_no_context_takeover" && value == "":
		d.serverNoTakeover = true
	case name == "client_no_context_takeover" && value == "":
		d.clientNoTakeover = true
	case name == "server_max_window_bits" && hasBits:
		d.serverBits, d.serverBitsAnswered = bits, true
	case name == "client_max_window_bits" && hasBits && d.clientBitsWereOffered:
		d.clientBits = bits
	default:
		return fmt.Errorf("bad extension parameter %s=%s", name, value)
	}
	return nil
}

// satisfies reports whether the answer keeps what an offer asks of the server.
func (d *deflate) satisfies(offer string) bool {
	for param := range strings.SplitSeq(offer, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		switch name {
		case "server_no_context_takeover":
			if !d.serverNoTakeover {
				return false
			}
		case "server_max_window_bits":
			if bits, _ := strconv.Atoi(value); !d.serverBitsAnswered || d.serverBits > bits {
				return false
			}
		}
	}
	return true
}
