package http2

import (
	"errors"
	"fmt"
)

// ErrCode is an error code of HTTP/2 (RFC 9113, section 7).
type ErrCode uint32

// The error codes.
const (
	NoError            ErrCode = 0x0
	ProtocolError      ErrCode = 0x1
	InternalError      ErrCode = 0x2
	FlowControlError   ErrCode = 0x3
	SettingsTimeout    ErrCode = 0x4
	StreamClosed       ErrCode = 0x5
	FrameSizeError     ErrCode = 0x6
	RefusedStream      ErrCode = 0x7
	Cancel             ErrCode = 0x8
	CompressionError   ErrCode = 0x9
	ConnectError       ErrCode = 0xa
	EnhanceYourCalm    ErrCode = 0xb
	InadequateSecurity ErrCode = 0xc
	HTTP11Required     ErrCode = 0xd
)

var codeNames = [...]string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
	"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

// String returns the name that the RFC gives the code.
func (c ErrCode) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return fmt.Sprintf("ErrCode(%#x)", uint32(c))
}

// ConnError is why a connection ended: what its GOAWAY said.
type ConnError struct {
	Code   ErrCode
	Reason string
	Remote bool // the peer said it
}

func (e *ConnError) Error() string {
	who := "http2: connection error "
	if e.Remote {
		who = "http2: the peer ended the connection with "
	}
	return who + e.Code.String() + ": " + e.Reason
}

// StreamError is why a stream ended early: what its RST_STREAM said.
type StreamError struct {
	ID     uint32
	Code   ErrCode
	Remote bool // the peer said it
}

func (e *StreamError) Error() string {
	who := "was reset"
	if e.Remote {
		who = "was reset by the peer"
	}
	return fmt.Sprintf("http2: stream %d %s with %s", e.ID, who, e.Code)
}

var (
	// ErrClosed is that of a stream whose connection is closed, or that was closed itself.
	ErrClosed = errors.New("http2: closed")
	// ErrServerClosed is that of ServeConn when Shutdown was called before.
	ErrServerClosed = errors.New("http2: the server is shut down")
	// ErrNoPush is that of Stream.Push when the client does not take it.
	ErrNoPush = errors.New("http2: the client takes no push")
)

// connError makes the error of a peer that broke the rules of a connection.
func connError(code ErrCode, format string, args ...any) error {
	return &ConnError{Code: code, Reason: fmt.Sprintf(format, args...)}
}
