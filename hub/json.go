package hub

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// jsonCodec encodes as quart does by default.
type jsonCodec struct{}

var jsonOptions = json.JoinOptions(json.Deterministic(true), jsonv1.FormatDurationAsNano(true), jsontext.AllowInvalidUTF8(true))

// sink is an io.Writer onto a byte slice.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

func (jsonCodec) Append(dst []byte, v any) ([]byte, error) {
	s := &sink{dst}
	err := json.MarshalWrite(s, v, jsonOptions)
	return s.b, err
}

func (jsonCodec) Decode(data []byte, v any) error { return json.Unmarshal(data, v, jsonOptions) }
