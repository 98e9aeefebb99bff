package quarttest

import (
	"bufio"
	"errors"
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
	nc, err := cl.ln.DialWithLocalAddr(from)
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
	defer cl.mu.Unlock()
	for c := range cl.open {
		_ = c.Close()
	}
	clear(cl.open)
	cl.idle = nil
}

// exchange sends one request and reads its response.
func (cl *Client) exchange(method string, request []byte) (*Response, error) {
	c, err := cl.send(request)
	if err != nil {
		return nil, err
	}
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
	for {
		resp, keep, err = c.readHead()
		if err != nil {
			return nil, false, err
		}
		if resp.Status >= 200 || resp.Status == 101 {
			break
		}
	}
	switch {
	case method == "HEAD", resp.Status == 101, resp.Status == 204, resp.Status == 304:
		return resp, keep && resp.Status != 101, nil
	case strings.EqualFold(resp.Header("Transfer-Encoding"), "chunked"):
		err = c.readChunked(resp)
	case resp.Header("Content-Length") != "":
		err = c.readSized(resp)
	default:
		keep = false
		resp.body, err = io.ReadAll(io.LimitReader(c.r, maxBody))
	}
	if err != nil {
		return resp, false, fmt.Errorf("response %d: body: %w", resp.Status, err)
	}
	return resp, keep, nil
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

func (c *conn) readSized(resp *Response) error {
	if all := resp.HeaderAll("Content-Length"); len(all) > 1 {
		return fmt.Errorf("%d lines of Content-Length", len(all))
	}
	n, err := strconv.ParseUint(resp.Header("Content-Length"), 10, 32)
	if err != nil || n > maxBody {
		return fmt.Errorf("Content-Length %q", resp.Header("Content-Length"))
	}
	return c.append(resp, int64(n))
}

// append reads n more bytes of the body, without trusting n for memory.
func (c *conn) append(resp *Response, n int64) error {
	more, err := io.ReadAll(io.LimitReader(c.r, n))
	resp.body = append(resp.body, more...)
	if err == nil && int64(len(more)) < n {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (c *conn) readChunked(resp *Response) error {
	if resp.Header("Content-Length") != "" {
		return errors.New("both Content-Length and Transfer-Encoding")
	}
	for len(resp.body) <= maxBody {
		line, err := c.readLine()
		if err != nil {
			return unexpected(err)
		}
		n, err := strconv.ParseUint(line, 16, 31)
		if err != nil {
			return fmt.Errorf("malformed chunk size %.80q", line)
		}
		if n == 0 {
			resp.trailer, err = c.readFields()
			return unexpected(err)
		}
		if err := c.append(resp, int64(n)); err != nil {
			return err
		}
		if end, err := c.readLine(); err != nil || end != "" {
			return fmt.Errorf("chunk does not end where its size says: %.80q", end)
		}
	}
	return fmt.Errorf("over %d bytes", maxBody)
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
