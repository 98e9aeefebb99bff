package quarttest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	maxHead = 64 << 10 // bytes of a response's head
	maxBody = 1 << 30  // bytes of a response's body
)

// conn is one connection to the app, by HTTP/1.1.
type conn struct {
	net.Conn
	cl *Client
	r  *bufio.Reader

	keep      bool // the head read last does not say that the connection ends
	delimited bool // the body read last does not end with the connection
}

// connect opens a connection to the app and notes it.
func (cl *Client) connect() (net.Conn, error) {
	cl.mu.Lock()
	cl.port++
	from := &net.TCPAddr{IP: cl.remote.AsSlice(), Port: int(cl.port)}
	cl.mu.Unlock()
	return cl.ln.dial(from)
}

// dial opens a connection for HTTP/1.1, which a client of HTTP2 speaks over TLS.
func (cl *Client) dial() (*conn, error) {
	nc, err := cl.connect()
	if err != nil {
		return nil, err
	}
	if cl.protocol == HTTP2 {
		plain := nc
		if nc, err = secure(plain, cl.Timeout, "http/1.1"); err != nil {
			_ = plain.Close()
			return nil, err
		}
	}
	c := &conn{Conn: nc, cl: cl, r: bufio.NewReaderSize(nc, 4096)}
	cl.note(c)
	return c, nil
}

// note has c closed with the test at the latest.
func (cl *Client) note(c io.Closer) {
	cl.mu.Lock()
	cl.open[c] = struct{}{}
	cl.mu.Unlock()
}

// send writes request to an idle connection that the app has not closed, or to a new one.
func (cl *Client) send(request []byte) (*conn, error) {
	for {
		c := cl.takeIdle()
		fresh := c == nil
		if fresh {
			var err error
			if c, err = cl.dial(); err != nil {
				return nil, fmt.Errorf("dial: %w", err)
			}
		}
		_ = c.SetDeadline(time.Now().Add(cl.Timeout))
		_, err := c.Write(request)
		if err == nil {
			return c, nil
		}
		cl.drop(c)
		if fresh {
			return nil, fmt.Errorf("send: %w", err)
		}
	}
}

func (cl *Client) takeIdle() *conn {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	n := len(cl.idle)
	if n == 0 {
		return nil
	}
	c := cl.idle[n-1]
	cl.idle = cl.idle[:n-1]
	return c
}

func (cl *Client) put(c *conn) {
	cl.mu.Lock()
	cl.idle = append(cl.idle, c)
	cl.mu.Unlock()
}

func (cl *Client) drop(c io.Closer) {
	_ = c.Close()
	cl.mu.Lock()
	delete(cl.open, c)
	cl.mu.Unlock()
}

func (cl *Client) closeConns() {
	cl.mu.Lock()
	open := cl.open
	cl.open, cl.idle, cl.shared = map[io.Closer]struct{}{}, nil, nil
	cl.mu.Unlock()
	for c := range open {
		_ = c.Close() // runs what OnPeerClose was given
	}
}

// complete keeps the connection for others where it can.
func (c *conn) complete(resp *Response) error {
	if n := c.r.Buffered(); n > 0 && resp.Status != 101 {
		extra, _ := c.r.Peek(n)
		return fmt.Errorf("%d bytes after the end of the response: %.80q", n, extra)
	}
	if !c.keep || !c.delimited {
		c.cl.drop(c)
		return nil
	}
	c.cl.put(c)
	return nil
}

func (c *conn) leave() { c.cl.drop(c) }

func (c *conn) patient() { _ = c.SetDeadline(time.Time{}) }

func (c *conn) readFinal() (*Response, error) {
	var interim []*Response
	for {
		resp, err := c.readHead()
		if err != nil {
			return nil, err
		}
		if resp.Status >= 200 || resp.Status == 101 {
			resp.Interim = interim
			return resp, nil
		}
		interim = append(interim, resp)
	}
}

func (c *conn) readHead() (*Response, error) {
	line, err := c.readLine()
	if err != nil {
		return nil, fmt.Errorf("no response: %w", err)
	}
	version, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if err != nil || len(code) != 3 || version != "HTTP/1.1" {
		return nil, fmt.Errorf("malformed status line %.80q", line)
	}
	resp := &Response{Status: status}
	if resp.header, err = c.readFields(); err != nil {
		return nil, fmt.Errorf("response %d: header: %w", status, err)
	}
	c.keep = true
	for _, v := range resp.HeaderAll("Connection") {
		c.keep = c.keep && !strings.Contains(strings.ToLower(v), "close")
	}
	return resp, nil
}

// readFields reads field lines up to the empty one.
func (c *conn) readFields() (fields []field, err error) {
	for size := 0; size <= maxHead; {
		line, err := c.readLine()
		if err != nil {
			return nil, err
		}
		if line == "" {
			return fields, nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("malformed line %.80q", line)
		}
		fields = append(fields, field{name, strings.Trim(value, " \t")})
		size += len(line)
	}
	return nil, fmt.Errorf("over %d bytes", maxHead)
}

// readLine reads a line that ends in CR LF, without its end.
func (c *conn) readLine() (string, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		if err == io.EOF && line != "" {
			err = io.ErrUnexpectedEOF
		}
		return "", err
	}
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok {
		return "", fmt.Errorf("line without CR: %.80q", line)
	}
	return text, nil
}
