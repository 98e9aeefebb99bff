package wire_test

import (
	"testing"
	"time"

	"github.com/goquart/quart/internal/wire"
)

func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var (
		buf       = make([]byte, 0, 512)
		ranges    = make([]wire.Range, 0, 8)
		head      = []byte(chromeHead)
		accept    = []byte(chromeAccept)
		encodings = []byte("gzip;q=0.8, br, *;q=0.1")
		languages = []byte("de-AT,de;q=0.9,en;q=0.7")
		media     = []string{"application/json; charset=utf-8", "text/html;level=1"}
		codings   = []string{"br", "gzip"}
		tags      = []string{"en", "de"}
		cookies   = []byte(`a=1; b="2"; session=x`)
		forwarded = []byte(`for=198.51.100.7, for="[2001:db8:cafe::17]:4711";proto=https, for=_hidden`)
		xff       = []byte("198.51.100.7, 2001:db8::1, unknown")
		basic     = []byte("Basic dXNlcjpwYXNz")
		etags     = []byte(`W/"x", "y"`)
		byteRange = []byte("bytes=0-1, -5, 7-")
		path      = []byte("/a%20b/%C3%A9")
		query     = []byte("a=1&b=%20+c")
		jsonText  = []byte(`[[{"a":"b\"c"}]]`)
		text      = "a <b> & \"c\" \x01 é \xff"
	)
	for name, f := range map[string]func(){
		"CheckHead":   func() { wire.CheckHead(head, 100) },
		"CheckTarget": func() { wire.CheckTarget(path) },
		"MediaType":   func() { wire.MediaType(accept, media) },
		"Encoding":    func() { wire.Encoding(encodings, codings) },
		"Language":    func() { wire.Language(languages, tags) },
		"CookieValue": func() { wire.CookieValue(cookies, "session") },
		"AppendSetCookie": func() {
			if _, err := wire.AppendSetCookie(buf, &fullCookie); err != nil {
				t.Error(err)
			}
		},
		"ForwardedHop": func() {
			for n := range 4 {
				h, _ := wire.ForwardedHop(forwarded, n)
				wire.ParseNode(h.For)
			}
		},
		"ListHop": func() {
			for n := range 4 {
				node, _ := wire.ListHop(xff, n)
				wire.ParseNode(node)
			}
		},
		"BasicCredentials": func() {
			_, credentials := wire.Authorization(basic)
			wire.BasicCredentials(buf, credentials)
		},
		"ETagMatch": func() { wire.ETagMatch(etags, etags[6:], true) },
		"ParseRange": func() {
			if _, err := wire.ParseRange(byteRange, 10, ranges); err != nil {
				t.Error(err)
			}
			if _, err := wire.ParseRange(byteRange, 0, ranges); err == nil {
				t.Error("a range of nothing")
			}
		},
		"DecodePath":        func() { wire.DecodePath(buf, path) },
		"AppendPathSegment": func() { wire.AppendPathSegment(buf, text) },
		"AppendPath":        func() { wire.AppendPath(buf, text) },
		"AppendQuery":       func() { wire.AppendQuery(buf, text) },
		"AppendFragment":    func() { wire.AppendFragment(buf, text) },
		"AppendLocation":    func() { wire.AppendLocation(buf, text) },
		"ValidFieldName":    func() { wire.ValidFieldName("Content-Type") },
		"ValidFieldValue":   func() { wire.ValidFieldValue(text) },
		"QueryNext": func() {
			for q := query; len(q) > 0; {
				var value []byte
				_, value, q = wire.QueryNext(q)
				wire.DecodeQuery(buf, value)
			}
			wire.CountPairs(query)
		},
		"AppendJSONString": func() { wire.AppendJSONString(buf, text) },
		"AppendHTMLText":   func() { wire.AppendHTMLText(buf, text) },
		"JSONDepth":        func() { wire.JSONDepth(jsonText, 2) },
		"AppendEvent":      func() { wire.AppendEvent(buf, "7", "tick", "a\nb\r\nc\r", time.Second) },
		"AppendEventBytes": func() { wire.AppendEventBytes(buf, "7", "tick", jsonText, time.Second) },
		"AppendRetry":      func() { wire.AppendRetry(buf, time.Second) },
		"AppendComment":    func() { wire.AppendComment(buf, text) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}
