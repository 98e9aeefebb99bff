package wire_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/goquart/quart/internal/wire"
)

func TestAuthorization(t *testing.T) {
	for _, tt := range []struct{ header, scheme, credentials string }{
		{"", "", ""},
		{"Basic dTpw", "Basic", "dTpw"},
		{" Bearer   a.b.c ", "Bearer", "a.b.c"},
		{"Negotiate", "Negotiate", ""},
		{`Digest username="u", realm="r"`, "Digest", `username="u", realm="r"`},
		{"=x y", "", ""},
		{"Bas\tic x", "", ""},
		{"Basic=x", "", ""},
	} {
		scheme, credentials := wire.Authorization([]byte(tt.header))
		if string(scheme) != tt.scheme || string(credentials) != tt.credentials {
			t.Errorf("Authorization(%q) = %q, %q", tt.header, scheme, credentials)
		}
	}
}

func TestBasicCredentials(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	for _, tt := range []struct {
		credentials    string
		user, password string
		ok             bool
	}{
		{encode([]byte("user:pass")), "user", "pass", true},
		{encode([]byte("user:a:b:c")), "user", "a:b:c", true},
		{encode([]byte("ü:€")), "ü", "€", true},
		{encode([]byte(":")), "", "", true},
		{encode([]byte("user")), "", "", false},
		{encode([]byte("user:a\x00b")), "", "", false},
		{encode([]byte("user:a\x7fb")), "", "", false},
		{"", "", "", false},
		{"dTpw=", "", "", false},
		{"dTpwZ", "", "", false},
		{"dT w", "", "", false},
		{"!!!!", "", "", false},
	} {
		user, password, ok := wire.BasicCredentials(nil, []byte(tt.credentials))
		if string(user) != tt.user || string(password) != tt.password || ok != tt.ok {
			t.Errorf("BasicCredentials(%q) = %q, %q, %v", tt.credentials, user, password, ok)
		}
	}
}

func TestBasicCredentialsKeepsDst(t *testing.T) {
	dst := append(make([]byte, 0, 64), "kept"...)
	user, password, ok := wire.BasicCredentials(dst, []byte("dXNlcjpwYXNz"))
	if string(dst) != "kept" || string(user) != "user" || string(password) != "pass" || !ok {
		t.Errorf("%q, %q, %q, %v", dst, user, password, ok)
	}
}

func FuzzBasicCredentials(f *testing.F) {
	for _, s := range []string{"Basic dXNlcjpwYXNz", "basic dTpw", "Basic !!", "Basic", "Bearer x", "Basic dXNlcjpwYXNz\n", "Basic \tdTpw"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := &http.Request{Header: http.Header{"Authorization": {header}}}
		wantUser, wantPassword, want := r.BasicAuth()
		scheme, credentials := wire.Authorization([]byte(header))
		user, password, ok := wire.BasicCredentials(nil, credentials)
		ok = ok && strings.EqualFold(string(scheme), "basic")
		if want && strings.ContainsFunc(wantUser+wantPassword, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
			want = false // refused here (RFC 7617, 2)
		}
		if strings.TrimSpace(header) != header || strings.Contains(header, "  ") || strings.Contains(header, "\t") {
			return // net/http takes exactly one space
		}
		if ok != want || ok && (string(user) != wantUser || string(password) != wantPassword) {
			t.Errorf("%q: %q, %q, %v; net/http says %q, %q, %v", header, user, password, ok, wantUser, wantPassword, want)
		}
	})
}

func BenchmarkBasicCredentials(b *testing.B) {
	buf, credentials := make([]byte, 0, 64), []byte("dXNlcjpwYXNz")
	for b.Loop() {
		if _, _, ok := wire.BasicCredentials(buf, credentials); !ok {
			b.Fatal("refused")
		}
	}
}
