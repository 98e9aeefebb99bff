package look

import "github.com/goquart/quart"

// CSP is the Content-Security-Policy of pages that use these files and forms: no inline script or style, no other host, no frames.
const CSP = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Routes serves /style.css, /look.js and /icon.svg.
func Routes(app *quart.App) {
	serve(app, "/style.css", "text/css; charset=utf-8", CSS)
	serve(app, "/look.js", "text/javascript; charset=utf-8", JS)
	serve(app, "/icon.svg", "image/svg+xml", Icon)
}

// serve lets browsers keep what was asked for by its version for a year, anything else for a minute.
func serve(app *quart.App, path, contentType string, data []byte) {
	app.Get(path, func(c *quart.Ctx) error {
		maxAge := "public, max-age=60"
		if c.Query("v") == Version {
			maxAge = "public, max-age=31536000, immutable"
		}
		c.SetHeader("Cache-Control", maxAge)
		return c.Bytes(200, contentType, data)
	}).Doc(quart.Doc{Hidden: true})
}

// Secure sets the headers of a page: the CSP, and that other sites learn no more than the origin from a link.
func Secure(next quart.Handler) quart.Handler {
	return func(c *quart.Ctx) error {
		c.SetHeader("Content-Security-Policy", CSP)
		c.SetHeader("Referrer-Policy", "strict-origin-when-cross-origin")
		return next(c)
	}
}
