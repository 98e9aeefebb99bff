package main

import "github.com/goquart/quart"

// ownForms refuses what a page of another site makes a visitor's browser send (cross-site request forgery). There is no login here to be
// abused, but nobody should write posts without knowing.
//
// Browsers say where a request comes from, and scripts cannot forge it: in Sec-Fetch-Site (W3C Fetch Metadata) where the site is https or this machine, else in
// Origin (RFC 6454). A request that has neither is of no browser of today, curl's say, and passes.
func ownForms(next quart.Handler) quart.Handler {
	return func(c *quart.Ctx) error {
		if isSafe(c.Method()) || isOwn(c) {
			return next(c)
		}
		return quart.Errorf(403, "this form is taken from a page of this site only")
	}
}

// isSafe reports whether requests of a method change nothing (RFC 9110, section 9.2.1).
func isSafe(method string) bool {
	return method == "GET" || method == "HEAD" || method == "OPTIONS"
}

func isOwn(c *quart.Ctx) bool {
	switch c.Header("Sec-Fetch-Site") {
	case "same-origin", "none": // none: the visitor's own doing, by a bookmark or the reload button
		return true
	case "":
		origin := c.Header("Origin")
		return origin == "" || origin == c.Scheme()+"://"+c.Host()
	}
	return false
}
