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

// conn is one connection to the app.
type conn struct {
	net.Conn
	r *bufio.Reader
}

func (cl *Client) dial() (*conn, error) {
	cl.mu.Lock()
	cl.port++
	from := &net.TCPAddr{IP: cl.remote.AsSlice(), Port: int(cl.port)}
	cl.mu.Unlock()
	nc, err := cl.ln.dial(from)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: nc, r: bufio.NewReaderSize(nc, 4096)}
	cl.mu.Lock()
	cl.open[c] = struct{}{}
	cl.mu.Unlock()
	return c, nil
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

func (cl *Client) drop(c *conn) {
	_ = c.Close()
	cl.mu.Lock()
	delete(cl.open, c)
	cl.mu.Unlock()
}

func (cl *Client) closeConns() {
	cl.mu.Lock()
	open := cl.open
	cl.open, cl.idle = map[*conn]struct{}{}, nil
	cl.mu.Unlock()
	for c := range open {
		_ = c.Close() // runs what OnPeerClose was given
	}
}

// receive reads the response to the one request that was sent on c, and keeps c for others where it can.
func (cl *Client) receive(c *conn, method string) (*Response, error) {
	resp, keep, err := c.read(method)
	if n := c.r.Buffered(); n > 0 && err == nil && resp.Status != 101 {
		extra, _ := c.r.Peek(n)
		err = fmt.Errorf("%d bytes after the end of the response: %.80q", n, extra)
	}
	if err != nil || !keep {
		cl.drop(c)
		return resp, err
	}
	cl.put(c)
	return resp, nil
}

// read reads a final response. keep says that another request may follow on the connection.
func (c *conn) read(method string) (resp *Response, keep bool, err error) {
	resp, keep, err = c.readFinal()
	if err != nil {
		return nil, false, err
	}
	delimited, err := c.readBody(method, resp)
	return resp, keep && delimited && err == nil, err
}

// readFinal reads the head of a response and skips informational ones before it.
func (c *conn) readFinal() (resp *Response, keep bool, err error) {
	for {
		resp, keep, err = c.readHead()
		if err != nil || resp.Status >= 200 || resp.Status == 101 {
			return resp, keep, err
		}
	}
}

func (c *conn) readBody(method string, resp *Response) (delimited bool, err error) {
	body, delimited, err := c.body(method, resp)
	if err == nil {
		resp.body, err = io.ReadAll(io.LimitReader(body, maxBody+1))
	}
	if err == nil && len(resp.body) > maxBody {
		err = fmt.Errorf("over %d bytes", maxBody)
	}
	if err != nil {
		err = fmt.Errorf("response %d: body: %w", resp.Status, err)
	}
	return delimited, err
}

func (c *conn) readHead() (resp *Response, keep bool, err error) {
	line, err := c.readLine()
	if err != nil {
		return nil, false, fmt.Errorf("no response: %w", err)
	}
	version, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if err != nil || len(code) != 3 || version != "HTTP/1.1" {
		return nil, false, fmt.Errorf("malformed status line %.80q", line)
	}
	resp = &Response{Status: status}
	if resp.header, err = c.readFields(); err != nil {
		return nil, false, fmt.Errorf("response %d: header: %w", status, err)
	}
	for _, v := range resp.HeaderAll("Connection") {
		if strings.Contains(strings.ToLower(v), "close") {
			return resp, false, nil
		}
	}
	return resp, true, nil
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
