package quarttest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// receive reads frames until the connection ends.
func (c *h2conn) receive() { c.shut(c.readFrames()) }

func (c *h2conn) readFrames() error {
	if start, _ := c.r.Peek(5); string(start) == "HTTP/" {
		line, _ := c.r.ReadString('\n')
		return fmt.Errorf("the app speaks no HTTP/2 here, it answers %q", strings.TrimSpace(line))
	}
	buf := make([]byte, maxFrame)
	for first := true; ; first = false {
		f, err := readFrame(c.r, buf)
		if err != nil {
			return err
		}
		if first && (f.kind != frameSettings || f.has(flagAck)) {
			return broken(codeProtocol, "it begins with a frame of type %d, not with SETTINGS", f.kind)
		}
		if f.kind == frameHeaders { // before any other frame comes its whole block
			err = c.readBlock(f, buf)
		} else {
			err = c.take(f)
		}
		if err != nil {
			return err
		}
	}
}

// take handles a frame other than HEADERS. Those of unknown types mean nothing (RFC 9113, section 5.5).
func (c *h2conn) take(f frame) error {
	if want, ok := fixedSizes[f.kind]; ok && len(f.payload) != want {
		return broken(codeFrameSize, "a frame of type %d with %d bytes, want %d", f.kind, len(f.payload), want)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch f.kind {
	case frameData:
		return c.takeData(f)
	case frameReset:
		return c.takeReset(f)
	case frameSettings:
		return c.takeSettings(f)
	case framePush:
		return broken(codeProtocol, "PUSH_PROMISE, which the client's settings forbid")
	case framePing:
		return c.takePing(f)
	case frameGoAway:
		return c.takeGoAway(f)
	case frameWindow:
		return c.takeWindow(f)
	case frameContinuation:
		return broken(codeProtocol, "CONTINUATION without HEADERS")
	}
	return nil
}

var fixedSizes = map[frameType]int{framePriority: 5, frameReset: 4, framePing: 8, frameWindow: 4}

// readBlock reads the rest of a header block, and delivers it.
func (c *h2conn) readBlock(f frame, buf []byte) error {
	if err := f.unpad(); err != nil {
		return err
	}
	block := slices.Clone(f.payload)
	for last := f; !last.has(flagEndHeaders); {
		var err error
		if last, err = readFrame(c.r, buf); err != nil {
			return unexpected(err)
		}
		if last.kind != frameContinuation || last.stream != f.stream {
			return broken(codeProtocol, "a frame of type %d within a header block", last.kind)
		}
		if block = append(block, last.payload...); len(block) > maxHead {
			return broken(codeProtocol, "a header block of over %d bytes", maxHead)
		}
	}
	decoded, err := c.decoder.DecodeFull(block)
	if err != nil {
		return broken(codeCompression, "%v", err)
	}
	fields := make([]field, len(decoded))
	for i, h := range decoded {
		fields[i] = field{h.Name, h.Value}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.stream(f)
	if s == nil {
		return err
	}
	s.takeFields(fields, f.has(flagEndStream))
	return nil
}

// stream is that of a frame, nil without an error when it has ended for the client.
func (c *h2conn) stream(f frame) (*h2stream, error) {
	if s := c.streams[f.stream]; s != nil && !(s.ended && (f.kind == frameData || f.kind == frameHeaders)) {
		return s, nil
	}
	_, reset := c.reset[f.stream]
	switch {
	case f.stream == 0 || f.stream%2 == 0 || f.stream >= c.next:
		return nil, broken(codeProtocol, "a frame of type %d for the stream %d, which nobody has opened", f.kind, f.stream)
	case !reset && (f.kind == frameData || f.kind == frameHeaders):
		return nil, broken(codeClosed, "a frame of type %d after the end of the stream %d", f.kind, f.stream)
	}
	return nil, nil
}

// takeData credits the connection at once, so that a stream that nobody reads does not hold up the others.
func (c *h2conn) takeData(f frame) error {
	size := len(f.payload)
	if c.received -= int64(size); c.received < 0 {
		return broken(codeFlowControl, "DATA beyond the window of the connection")
	}
	if c.received < defaultWindow/2 {
		c.out = appendNumber(c.out, frameWindow, 0, uint32(defaultWindow-c.received))
		c.received = defaultWindow
		c.wakeWriter()
	}
	s, err := c.stream(f)
	if s == nil {
		return err
	}
	if err := f.unpad(); err != nil {
		return err
	}
	if s.received -= int64(size); s.received < 0 {
		return broken(codeFlowControl, "DATA beyond the window of the stream %d", f.stream)
	}
	s.takeData(f.payload, size-len(f.payload), f.has(flagEndStream))
	return nil
}

func (c *h2conn) takeReset(f frame) error {
	s, err := c.stream(f)
	if s == nil {
		return err
	}
	code := errorCode(binary.BigEndian.Uint32(f.payload))
	switch {
	case s.ended: // it wants no more of the request
		s.unsent, s.trailer, s.sentEnd = nil, nil, true
	case code == codeRefused:
		s.fail(fmt.Errorf("the app has refused the request: %v", code))
	default:
		s.fail(fmt.Errorf("the app has reset the stream: %v: %w", code, io.ErrUnexpectedEOF))
	}
	c.forget(s)
	s.notify()
	return nil
}

func (c *h2conn) takeSettings(f frame) error {
	switch {
	case f.stream != 0:
		return broken(codeProtocol, "SETTINGS on the stream %d", f.stream)
	case f.has(flagAck) && len(f.payload) > 0, len(f.payload)%6 != 0:
		return broken(codeFrameSize, "SETTINGS of %d bytes", len(f.payload))
	case f.has(flagAck):
		return nil
	}
	for p := f.payload; len(p) > 0; p = p[6:] {
		if err := c.set(binary.BigEndian.Uint16(p), binary.BigEndian.Uint32(p[2:])); err != nil {
			return err
		}
	}
	c.out = appendFrame(c.out, frameSettings, flagAck, 0, nil)
	c.wakeWriter()
	select {
	case <-c.settled:
	default:
		close(c.settled)
	}
	c.notify()
	c.pump()
	return nil
}

func (c *h2conn) set(setting uint16, v uint32) error {
	switch {
	case setting == settingTableSize:
		c.encoder.SetMaxDynamicTableSize(min(v, 4096))
	case setting == settingPush && v != 0:
		return broken(codeProtocol, "SETTINGS_ENABLE_PUSH %d of a server", v)
	case setting == settingStreams:
		c.peer.streams = v
	case setting == settingWindow && v > maxWindow:
		return broken(codeFlowControl, "SETTINGS_INITIAL_WINDOW_SIZE %d", v)
	case setting == settingWindow:
		for _, s := range c.streams {
			s.window += int64(v) - c.peer.window
		}
		c.peer.window = int64(v)
	case setting == settingFrameSize && (v < 16<<10 || v >= 1<<24):
		return broken(codeProtocol, "SETTINGS_MAX_FRAME_SIZE %d", v)
	case setting == settingFrameSize:
		c.peer.frameSize = int(v)
	case setting == settingConnect && (v > 1 || v == 0 && c.peer.connect):
		return broken(codeProtocol, "SETTINGS_ENABLE_CONNECT_PROTOCOL %d", v)
	case setting == settingConnect:
		c.peer.connect = v == 1
	}
	return nil
}

func (c *h2conn) takePing(f frame) error {
	if f.stream != 0 {
		return broken(codeProtocol, "PING on the stream %d", f.stream)
	}
	if !f.has(flagAck) {
		c.out = appendFrame(c.out, framePing, flagAck, 0, f.payload)
		c.wakeWriter()
	}
	return nil
}

// takeGoAway lets those streams go on that the app has begun to look at. The others may go elsewhere.
func (c *h2conn) takeGoAway(f frame) error {
	if len(f.payload) < 8 || f.stream != 0 {
		return broken(codeFrameSize, "GOAWAY of %d bytes on the stream %d", len(f.payload), f.stream)
	}
	last, code := f.number(), errorCode(binary.BigEndian.Uint32(f.payload[4:]))
	if code != codeNone {
		return fmt.Errorf("the app ends the connection: %v %s", code, f.payload[8:])
	}
	for _, id := range slices.Sorted(maps.Keys(c.streams)) {
		if s := c.streams[id]; id > last {
			s.fail(errLeaving)
			c.forget(s)
		}
	}
	c.retire()
	return nil
}

func (c *h2conn) takeWindow(f frame) error {
	n := int64(f.number())
	if f.stream == 0 {
		if c.window += n; n == 0 || c.window > maxWindow {
			return broken(codeFlowControl, "WINDOW_UPDATE by %d of the connection", n)
		}
		c.pump()
		return nil
	}
	s, err := c.stream(f)
	if s == nil {
		return err
	}
	if s.window += n; n == 0 || s.window > maxWindow {
		s.abort(codeFlowControl, fmt.Errorf("WINDOW_UPDATE by %d of a stream", n))
		return nil
	}
	s.pump()
	return nil
}

// pump goes on with the bodies of all requests.
func (c *h2conn) pump() {
	for _, id := range slices.Sorted(maps.Keys(c.streams)) {
		c.streams[id].pump()
	}
}

var errMalformed = errors.New("the response is malformed")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errMalformed}, args...)...)
}
