package middleware_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
)

const (
	csp  = "Content-Security-Policy"
	hsts = "Strict-Transport-Security"
)

// secureApp believes X-Forwarded-Proto, to be on https without TLS.
func secureApp(t testing.TB, cfg middleware.SecureConfig) *quart.App {
	app := quart.New(quart.Config{Log: quarttest.Log(t), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	app.Use(middleware.SecureHeaders(cfg))
	app.Get("/", hello)
	return app
}

func TestSecureHeaders(t *testing.T) {
	defaults := map[string]string{
		csp:                            "base-uri 'self'; frame-ancestors 'self'; object-src 'none'",
		"X-Frame-Options":              "SAMEORIGIN",
		"Referrer-Policy":              "strict-origin-when-cross-origin",
		"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
		"Cross-Origin-Opener-Policy":   "same-origin-allow-popups",
		"Cross-Origin-Resource-Policy": "same-origin",
		hsts:                           "max-age=31536000",
	}
	tests := []struct {
		name string
		cfg  middleware.SecureConfig
		want map[string]string // what differs from the defaults
	}{
		{"zero value", middleware.SecureConfig{}, nil},
		{"csp", middleware.SecureConfig{ContentSecurityPolicy: "default-src 'self'"}, map[string]string{csp: "default-src 'self'"}},
		{"no csp", middleware.SecureConfig{ContentSecurityPolicy: middleware.Omit}, map[string]string{csp: ""}},
		{"no framing", middleware.SecureConfig{FrameOptions: "DENY"}, map[string]string{"X-Frame-Options": "DENY"}},
		{"framing", middleware.SecureConfig{FrameOptions: middleware.Omit}, map[string]string{"X-Frame-Options": ""}},
		{"referrer", middleware.SecureConfig{ReferrerPolicy: "no-referrer"}, map[string]string{"Referrer-Policy": "no-referrer"}},
		{"permissions", middleware.SecureConfig{PermissionsPolicy: middleware.Omit}, map[string]string{"Permissions-Policy": ""}},
		{"opener", middleware.SecureConfig{OpenerPolicy: "same-origin"}, map[string]string{"Cross-Origin-Opener-Policy": "same-origin"}},
		{"resource", middleware.SecureConfig{ResourcePolicy: "cross-origin"}, map[string]string{"Cross-Origin-Resource-Policy": "cross-origin"}},
		{"no hsts", middleware.SecureConfig{HSTS: -1, HSTSPreload: true}, map[string]string{hsts: ""}},
		{
			"all of hsts",
			middleware.SecureConfig{HSTS: 48 * time.Hour, HSTSSubdomains: true, HSTSPreload: true},
			map[string]string{hsts: "max-age=172800; includeSubDomains; preload"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp := quarttest.New(t, secureApp(t, tt.cfg)).Get("/").Header("X-Forwarded-For", "203.0.113.7").Header("X-Forwarded-Proto", "https").Want(200)
			for name, want := range defaults {
				if other, ok := tt.want[name]; ok {
					want = other
				}
				wantHeader(t, resp, name, want)
			}
		})
	}
}

func TestSecureHeadersEverywhere(t *testing.T) {
	app := secureApp(t, middleware.SecureConfig{})
	app.Get("/boom", boom)
	app.Get("/own", func(c *quart.Ctx) error {
		c.SetHeader(csp, "sandbox")
		c.DelHeader("X-Frame-Options")
		return c.NoContent()
	})
	cl := quarttest.New(t, app)
	wantHeader(t, cl.Get("/").Want(200), hsts, "") // not over plain http
	wantHeader(t, cl.Get("/nowhere").Want(404), "X-Frame-Options", "SAMEORIGIN")
	wantHeader(t, cl.Get("/boom").Want(500), "X-Frame-Options", "SAMEORIGIN")
	own := cl.Get("/own").Want(204)
	wantHeader(t, own, csp, "sandbox")
	wantHeader(t, own, "X-Frame-Options", "")
}

func TestSecureConfig(t *testing.T) {
	wantPanic(t, "Referrer-Policy", func() { middleware.SecureHeaders(middleware.SecureConfig{ReferrerPolicy: "a\r\nX: y"}) })
}

func TestSecureHeadersAllocs(t *testing.T) {
	if n := allocs(t, 200, middleware.SecureHeaders(middleware.SecureConfig{}), "GET"); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkSecureHeaders(b *testing.B) {
	bench(b, middleware.SecureHeaders(middleware.SecureConfig{}))
}
