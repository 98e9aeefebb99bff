package middleware

import (
	"fmt"
	"strconv"
	"time"

	"github.com/goquart/quart"
)

// Omit as a value of SecureConfig leaves the header out.
const Omit = "-"

// SecureConfig configures SecureHeaders. An empty string is the default, Omit leaves the header out.
type SecureConfig struct {
	// ContentSecurityPolicy's default, "base-uri 'self'; frame-ancestors 'self'; object-src 'none'", forbids framing by others, plugins and a
	// moved base, and leaves scripts and styles alone. A policy for those is yours to write.
	ContentSecurityPolicy string
	FrameOptions          string // X-Frame-Options, for browsers without frame-ancestors. Default: SAMEORIGIN
	ReferrerPolicy        string // default: strict-origin-when-cross-origin
	// PermissionsPolicy's default is "camera=(), geolocation=(), microphone=()": no page may ask for these.
	PermissionsPolicy string
	OpenerPolicy      string // Cross-Origin-Opener-Policy. Default: same-origin-allow-popups
	// ResourcePolicy is Cross-Origin-Resource-Policy. Default: same-origin. Images, scripts and fonts for other sites need cross-origin;
	// requests with CORS do not.
	ResourcePolicy string

	HSTS           time.Duration // max-age of Strict-Transport-Security. Default: 365 days; negative: none
	HSTSSubdomains bool          // includeSubDomains: every subdomain must speak TLS
	HSTSPreload    bool          // preload: asks for a place in browsers' lists, hard to take back
}

const (
	defaultCSP         = "base-uri 'self'; frame-ancestors 'self'; object-src 'none'"
	defaultPermissions = "camera=(), geolocation=(), microphone=()"
	defaultHSTS        = 365 * 24 * time.Hour
)

// headerField is a response header in the form in which fasthttp takes it without work: a canonical name.
type headerField struct{ name, value []byte }

// SecureHeaders sets headers that tell browsers to be careful. They are set before the handler runs, so that it can replace
// or delete one for its own response; error responses have them, too. Strict-Transport-Security is sent only over https, where it means something: see
// Ctx.Scheme. X-Content-Type-Options is not among them: every quart response with a body has it. 0 allocations.
func SecureHeaders(cfg SecureConfig) quart.Middleware {
	var fields []headerField
	add := func(name, value, def string) {
		if value == "" {
			value = def
		}
		if !isFieldValue(value) {
			panic(fmt.Sprintf("middleware: SecureHeaders with %s %q", name, value))
		}
		if value != Omit {
			fields = append(fields, headerField{[]byte(name), []byte(value)})
		}
	}
	add("Content-Security-Policy", cfg.ContentSecurityPolicy, defaultCSP)
	add("X-Frame-Options", cfg.FrameOptions, "SAMEORIGIN")
	add("Referrer-Policy", cfg.ReferrerPolicy, "strict-origin-when-cross-origin")
	add("Permissions-Policy", cfg.PermissionsPolicy, defaultPermissions)
	add("Cross-Origin-Opener-Policy", cfg.OpenerPolicy, "same-origin-allow-popups")
	add("Cross-Origin-Resource-Policy", cfg.ResourcePolicy, "same-origin")
	hsts := headerField{[]byte("Strict-Transport-Security"), cfg.hsts()}
	return func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			h := &c.Fast().Response.Header
			for i := range fields {
				h.SetCanonical(fields[i].name, fields[i].value)
			}
			if hsts.value != nil && c.Scheme() == "https" {
				h.SetCanonical(hsts.name, hsts.value)
			}
			return next(c)
		}
	}
}

// hsts is the value of Strict-Transport-Security (RFC 6797, section 6.1), nil for none.
func (cfg *SecureConfig) hsts() []byte {
	age := cfg.HSTS
	if age == 0 {
		age = defaultHSTS
	}
	if age < 0 {
		return nil
	}
	v := strconv.AppendInt([]byte("max-age="), int64(age/time.Second), 10)
	if cfg.HSTSSubdomains {
		v = append(v, "; includeSubDomains"...)
	}
	if cfg.HSTSPreload {
		v = append(v, "; preload"...)
	}
	return v
}
