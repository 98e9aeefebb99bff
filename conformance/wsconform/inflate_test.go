package main

import (
	"bytes"
	"compress/flate"
	"errors"
	"testing"
)

func deflated(t *testing.T, level int, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(data)
	_ = w.Flush()
	return b.Bytes()[:b.Len()-4]
}

func TestInflate(t *testing.T) {
	texts := append(corpora(), make([]byte, 8<<20), nil)
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		for i, text := range texts {
			z := &inflater{window: maxWindow}
			got, err := z.message(deflated(t, level, text))
			if err != nil || !bytes.Equal(got, text) {
				t.Errorf("level %d, text %d: %v (%d of %d bytes)", level, i, err, len(got), len(text))
			}
		}
	}
}

// TestInflateContext: a message may refer to the one before, as far as the window reaches.
func TestInflateContext(t *testing.T) {
	for window, want := range map[int]error{1 << 9: errWindow, maxWindow: nil} {
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, 9)
		z := &inflater{window: window}
		var err error
		for i, text := range [][]byte{[]byte("a text of its own"), bytes.Repeat([]byte{0}, 1000), []byte("a text of its own")} {
			b.Reset()
			_, _ = w.Write(text)
			_ = w.Flush()
			var got []byte
			if got, err = z.message(b.Bytes()[:b.Len()-4]); err == nil && !bytes.Equal(got, text) {
				t.Errorf("message %d: %q", i, got)
			}
		}
		if !errors.Is(err, want) {
			t.Errorf("window %d: %v, want %v", window, err, want)
		}
	}
}

// FuzzInflate: nothing that a server sends makes the decoder panic or run away.
func FuzzInflate(f *testing.F) {
	f.Add([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"))
	f.Add([]byte("\x05\xe0\x81\x08\x00\x00\x00\x00\x20\x7f\xeb\x0b\x00\x00"))
	f.Add([]byte("\x00\x05\x00\xfa\xffHello\x00"))
	z := &inflater{window: maxWindow}
	f.Fuzz(func(t *testing.T, data []byte) {
		z.history = nil
		if out, err := z.message(data); err == nil && len(out) > 1032*(len(data)+4) {
			t.Errorf("%d bytes of %d", len(out), len(data))
		}
	})
}
