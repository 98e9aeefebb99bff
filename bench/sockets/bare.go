//go:build linux

package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
)

// bareSite does the least that a server in Go can do, with no check of anything: what a library costs is the difference.
func bareSite() *site {
	var members room[net.Conn]
	return &site{
		serve: func(l net.Listener) error {
			for {
				c, err := l.Accept()
				if err != nil {
					return err
				}
				go bareConn(c, &members)
			}
		},
		members: members.len,
		send: map[string]func([]byte) error{
			sendBare: func(message []byte) error {
				frame := serverFrame(binaryByte, message)
				return members.each(func(c net.Conn) error {
					_, err := c.Write(frame)
					return err
				})
			},
		},
	}
}

// bareConn takes the one handshake that the client makes.
func bareConn(c net.Conn, members *room[net.Conn]) {
	defer c.Close()
	br := bufio.NewReader(c)
	request, err := br.ReadString('\n')
	for line := request; err == nil && line != "\r\n"; {
		line, err = br.ReadString('\n')
	}
	if err != nil {
		return
	}
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept" + string(accepted) + "\r\n"
	if _, err := io.WriteString(c, answer); err != nil {
		return
	}
	if strings.Contains(request, roomPath) {
		members.join(c)
	}
	_ = bareEcho(c) // the client leaves
}

// bareEcho turns whole messages of one length round where they lie. Those that came with one read are answered with one write.
func bareEcho(c net.Conn) error {
	buf := make([]byte, 4<<10)
	filled := 0
	for {
		n, err := c.Read(buf[filled:])
		if err != nil {
			return err
		}
		filled += n
		size, head := bareSize(buf[:filled])
		if size > len(buf) {
			buf = append(buf, make([]byte, size-len(buf))...)
		}
		if size == 0 || filled%size != 0 {
			continue
		}
		if buf[0] != binaryByte {
			return io.EOF
		}
		if _, err := c.Write(bareReplies(buf[:filled], size, head)); err != nil {
			return err
		}
		filled = 0
	}
}

// bareSize is how long the frame that p begins with will be, and its head without the mask's key; 0: not yet known.
func bareSize(p []byte) (size, head int) {
	switch {
	case len(p) < 10:
		return 0, 0
	case p[1]&0x7f < 126:
		return 2 + 4 + int(p[1]&0x7f), 2
	case p[1]&0x7f == 126:
		return 4 + 4 + int(binary.BigEndian.Uint16(p[2:])), 4
	}
	return 10 + 4 + int(binary.BigEndian.Uint64(p[2:])), 10
}

// bareReplies unmasks the frames and moves them together.
func bareReplies(p []byte, size, head int) []byte {
	replies := p[:0]
	for ; len(p) > 0; p = p[size:] {
		p[1] &= 0x7f
		bareUnmask(binary.NativeEndian.Uint32(p[head:]), p[head+4:size])
		if len(p) == size && len(replies) == 0 { // a single one stays: its head comes to it
			copy(p[4:], p[:head])
			return p[4:]
		}
		replies = append(append(replies, p[:head]...), p[head+4:size]...)
	}
	return replies
}

func bareUnmask(key uint32, p []byte) {
	words := uint64(key)<<32 | uint64(key)
	for ; len(p) >= 32; p = p[32:] {
		for i := 0; i < 32; i += 8 {
			binary.NativeEndian.PutUint64(p[i:], binary.NativeEndian.Uint64(p[i:])^words)
		}
	}
	for i := range p {
		p[i] ^= byte(words >> (8 * (i % 4)))
	}
}
