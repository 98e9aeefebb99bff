package http2

import "encoding/binary"

const (
	settingHeaderTableSize      = 0x1
	settingEnablePush           = 0x2
	settingMaxConcurrentStreams = 0x3
	settingInitialWindowSize    = 0x4
	settingMaxFrameSize         = 0x5
	settingMaxHeaderListSize    = 0x6
	settingEnableConnect        = 0x8 // RFC 8441
	settingNoRFC7540Priorities  = 0x9 // RFC 9218
)

// appendSettings sends ours, and opens the connection's window. mu is held.
func (c *conn) appendSettings() {
	cfg := &c.srv.cfg
	start := len(c.out)
	c.out = appendFrameHeader(c.out, 0, frameSettings, 0, 0)
	set := func(id uint16, v int) {
		c.out = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(c.out, id), uint32(v))
	}
	set(settingMaxConcurrentStreams, cfg.MaxConcurrentStreams)
	set(settingInitialWindowSize, cfg.StreamWindow)
	set(settingMaxHeaderListSize, cfg.MaxHeaderListSize)
	set(settingNoRFC7540Priorities, 1)
	if cfg.ExtendedConnect {
		set(settingEnableConnect, 1)
	}
	putFrameHeader(c.out[start:], len(c.out)-start-frameHeaderLen, frameSettings, 0, 0)
	if more := cfg.ConnWindow - initialWindow; more > 0 {
		c.out = appendWindowUpdate(c.out, 0, uint32(more))
	}
}

func (c *conn) onSettings(f *frame) error {
	switch {
	case f.stream != 0:
		return connError(ProtocolError, "SETTINGS on stream %d", f.stream)
	case f.has(flagAck) && len(f.payload) > 0 || len(f.payload)%6 != 0:
		return connError(FrameSizeError, "SETTINGS of %d bytes", len(f.payload))
	case f.has(flagAck):
		return nil
	}
	c.lock()
	defer c.unlockHand()
	if err := c.applySettings(f.payload); err != nil {
		return err
	}
	c.out = appendFrameHeader(c.out, 0, frameSettings, flagAck, 0)
	return c.controlled(frameHeaderLen)
}

// applySettings takes the client's settings. Of several windows in a frame only the last is applied to the streams, so that a frame costs one walk. mu is held.
func (c *conn) applySettings(p []byte) error {
	window := c.peerWindow
	for ; len(p) >= 6; p = p[6:] {
		v := binary.BigEndian.Uint32(p[2:])
		switch binary.BigEndian.Uint16(p) {
		case settingHeaderTableSize:
			c.enc.SetTableSize(v)
		case settingEnablePush:
			if v > 1 {
				return connError(ProtocolError, "SETTINGS_ENABLE_PUSH of %d", v)
			}
			c.peerPush = v == 1
			c.mayPush.Store(c.peerPush)
		case settingMaxConcurrentStreams:
			c.peerStreams = v
		case settingInitialWindowSize:
			if v > maxWindow {
				return connError(FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE of %d", v)
			}
			window = int64(v)
		case settingMaxFrameSize:
			if v < 16<<10 || v > 1<<24-1 {
				return connError(ProtocolError, "SETTINGS_MAX_FRAME_SIZE of %d", v)
			}
		case settingEnableConnect, settingNoRFC7540Priorities:
			if v > 1 {
				return connError(ProtocolError, "a setting of %d that is a switch", v)
			}
		}
	}
	if window == c.peerWindow {
		return nil
	}
	more := window - c.peerWindow
	c.peerWindow = window
	for _, s := range c.streams {
		s.outWindow += more
		if s.outWindow > maxWindow {
			return connError(FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE lifts a window too high")
		}
		c.resume(s)
	}
	return nil
}

func (c *conn) onWindowUpdate(f *frame) error {
	if len(f.payload) != 4 {
		return connError(FrameSizeError, "WINDOW_UPDATE of %d bytes", len(f.payload))
	}
	n := int64(binary.BigEndian.Uint32(f.payload) & maxWindow)
	c.lock()
	defer c.unlockHand()
	if c.updates > 0 {
		c.updates--
	} else if c.control.over(c.srv.now(), maxControlFrames) {
		return errFlood
	}
	if f.stream == 0 {
		c.sendWindow += n
		if n == 0 {
			return connError(ProtocolError, "WINDOW_UPDATE of 0")
		}
		if c.sendWindow > maxWindow {
			return connError(FlowControlError, "WINDOW_UPDATE lifts the window too high")
		}
		return nil
	}
	if c.idle(f.stream) {
		return connError(ProtocolError, "WINDOW_UPDATE on stream %d", f.stream)
	}
	s := c.streams[f.stream]
	if s == nil {
		return nil
	}
	s.outWindow += n
	switch {
	case n == 0:
		return c.streamError(s, ProtocolError)
	case s.outWindow > maxWindow:
		return c.streamError(s, FlowControlError)
	}
	c.resume(s)
	return nil
}
