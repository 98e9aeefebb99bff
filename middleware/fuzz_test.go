package middleware_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/goquart/quart/middleware"
)

// FuzzCORS: whatever a request claims, nothing is granted beyond the policy.
func FuzzCORS(f *testing.F) {
	f.Add("https://quart.com", "GET", "X-Match, x-other")
	f.Add("https://quart.com.evil.org", "PUT", ",,x-match\t,")
	f.Add("https://api.quart.com", "get", "x-no-match")
	f.Add("null", "", "*")
	app := newApp(f, middleware.CORS(middleware.CORSConfig{
		AllowOrigins: []string{"https://quart.com"}, AllowPatterns: []string{`https://[a-z]+\.quart\.com`},
		AllowMethods: []string{"GET"}, AllowHeaders: []string{"X-Match", "X-Other"}, AllowCredentials: true,
	}))
	app.Get("/", hello)
	f.Fuzz(func(t *testing.T, origin, method, headers string) {
		s := newServed(app, "OPTIONS", "/", "Origin", origin, acrm, method, acrh, headers)
		sent := string(s.fc.Request.Header.Peek("Origin")) // as a parser would have let it through
		s.once()
		h := &s.fc.Response.Header
		sub, ok := strings.CutSuffix(sent, ".quart.com")
		sub, ok2 := strings.CutPrefix(sub, "https://")
		ok = sent == "https://quart.com" || ok && ok2 && sub != "" && strings.Trim(sub, "abcdefghijklmnopqrstuvwxyz") == ""
		got := string(h.Peek(acao))
		if ok && got != sent || !ok && got != "" {
			t.Fatalf("origin %q is allowed %q", sent, got)
		}
		if !ok && len(h.Peek(acac))+len(h.Peek(acam))+len(h.Peek(acah)) > 0 {
			t.Errorf("granted to %q: %s", sent, h)
		}
		if m := string(h.Peek(acam)); m != "" && m != "GET" {
			t.Errorf("methods %q", m)
		}
		granted := string(h.Peek(acah))
		for name := range strings.SplitSeq(granted, ", ") {
			if granted != "" && !slices.Contains([]string{"x-match", "x-other"}, strings.ToLower(name)) {
				t.Errorf("header %q granted of %q", name, headers)
			}
		}
	})
}

// FuzzRequestID: what is taken from a request is a token of at most 128 bytes.
func FuzzRequestID(f *testing.F) {
	f.Add("abc")
	f.Add("a b\x00")
	f.Add(strings.Repeat("é", 100))
	app := newApp(f, middleware.RequestID(middleware.RequestIDConfig{Trust: true}))
	app.Get("/", hello)
	f.Fuzz(func(t *testing.T, id string) {
		s := newServed(app, "GET", "/", "X-Request-ID", id)
		s.once()
		got := string(s.fc.Response.Header.Peek("X-Request-ID"))
		if got == "" || len(got) > 128 || strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) }) {
			t.Errorf("%q became %q", id, got)
		}
	})
}
