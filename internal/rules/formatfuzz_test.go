package rules_test

import (
	"encoding/base64"
	"net/mail"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// seedFormats adds the tables' texts of these formats.
func seedFormats(f *testing.F, names ...string) {
	for _, name := range names {
		for _, text := range formatTests[name].is {
			f.Add(text)
		}
		for _, text := range formatTests[name].not {
			f.Add(text)
		}
	}
}

// formatCheck is a function that says whether a text is of a format.
func formatCheck(t testing.TB, format string) func(text string) bool {
	c := mustCompile(t, "format="+format, reflect.TypeFor[string]())
	return func(text string) bool { return c.Value(reflect.ValueOf(text)) == "" }
}

// FuzzFormats: no text makes a format panic, and what one format says holds in those that contain it.
func FuzzFormats(f *testing.F) {
	is := map[string]func(string) bool{}
	for format := range formatTests {
		seedFormats(f, format)
		is[format] = formatCheck(f, format)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for format, of := range is {
			if of(s) && format != "json-pointer" && strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' && format != "email" || r < ' ' || r > '~' }) {
				t.Errorf("%s: %q", format, s)
			}
		}
		for _, tt := range []struct {
			from, to, prefix, suffix string
		}{
			{"uri", "uri-reference", "", ""},
			{"date", "date-time", "", "T00:00:00Z"},
			{"time", "date-time", "1998-12-31T", ""},
			{"hostname", "uri", "http://", ""},
			{"ipv4", "uri", "http://", ""},
			{"ipv6", "uri", "http://[", "]"},
			{"ipv4", "ipv6", "::", ""},
		} {
			if tt.from == "time" && strings.Contains(s, ":60") {
				continue // by its offset, in another month
			}
			if is[tt.from](s) && !is[tt.to](tt.prefix+s+tt.suffix) {
				t.Errorf("%q is a %s, but %q no %s", s, tt.from, tt.prefix+s+tt.suffix, tt.to)
			}
		}
		if is["hostname"](s) && len(s) < 180 && !is["email"]("a@"+s) {
			t.Errorf("%q is a hostname, but not that of an email", s)
		}
	})
}

// FuzzIP compares with net/netip.
func FuzzIP(f *testing.F) {
	seedFormats(f, "ipv4", "ipv6")
	is4, is6 := formatCheck(f, "ipv4"), formatCheck(f, "ipv6")
	f.Fuzz(func(t *testing.T, s string) {
		ip, err := netip.ParseAddr(s)
		if want := err == nil && ip.Is4(); is4(s) != want {
			t.Errorf("ipv4 %q: %v, want %v", s, !want, want)
		}
		if want := err == nil && ip.Is6() && ip.Zone() == ""; is6(s) != want {
			t.Errorf("ipv6 %q: %v, want %v", s, !want, want)
		}
	})
}

// dateTimeForm is the form of RFC 3339 section 5.6 with the offsets that there are, which package time is lenient about:
// it takes hours of one digit, a comma before the fraction, and offsets of 24 hours or 60 minutes.
var dateTimeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// FuzzDateTime compares with package time in that form; it knows no leap seconds.
func FuzzDateTime(f *testing.F) {
	seedFormats(f, "date-time", "date")
	isDateTime, isDate := formatCheck(f, "date-time"), formatCheck(f, "date")
	f.Fuzz(func(t *testing.T, s string) {
		_, err := time.Parse(time.DateOnly, s)
		if want := err == nil; isDate(s) != want {
			t.Errorf("date %q: %v, want %v", s, !want, want)
		}
		want := dateTimeForm.MatchString(s)
		if want {
			text, leap := strings.ToUpper(s), s[17:19] == "60"
			if leap {
				text = text[:17] + "59" + text[19:]
			}
			at, err := time.Parse(time.RFC3339, text)
			at = at.UTC()
			want = err == nil && (!leap || at.Hour() == 23 && at.Minute() == 59 && at.AddDate(0, 0, 1).Day() == 1)
		}
		if isDateTime(s) != want {
			t.Errorf("date-time %q: %v, want %v", s, !want, want)
		}
	})
}

// FuzzEmail: package net/mail takes each address and understands it as we do; it takes others, with comments, spaces and names.
func FuzzEmail(f *testing.F) {
	seedFormats(f, "email")
	is := formatCheck(f, "email")
	f.Fuzz(func(t *testing.T, s string) {
		if !is(s) {
			return
		}
		if strings.Contains(s, "@[IPv6:") || strings.Contains(strings.ToLower(s), "@[ipv6:") {
			return // net/mail takes IPv6 literals without their tag only
		}
		a, err := mail.ParseAddress(s)
		if err != nil || a.Name != "" {
			t.Fatalf("%q: net/mail has %v, %v", s, a, err)
		}
		if at := strings.LastIndexByte(s, '@'); !strings.HasSuffix(a.Address, s[at:]) || s[0] != '"' && a.Address != s {
			t.Fatalf("%q: net/mail understands %q", s, a.Address)
		}
	})
}

// FuzzURI: package net/url takes each URI but those listed; it takes others.
func FuzzURI(f *testing.F) {
	seedFormats(f, "uri", "uri-reference")
	isURI, isReference := formatCheck(f, "uri"), formatCheck(f, "uri-reference")
	f.Fuzz(func(t *testing.T, s string) {
		if isURI(s) && !isReference(s) {
			t.Fatalf("%q is a URI, but no reference", s)
		}
		if !isReference(s) {
			return
		}
		u, err := url.Parse(s)
		if err != nil {
			if authority := authorityOf(s); strings.Contains(authority, "%") || strings.ContainsAny(authority, "[") {
				return // it decodes host names, and knows no IPvFuture
			}
			t.Fatalf("%q: net/url: %v", s, err)
		}
		if isURI(s) != (u.Scheme != "") {
			t.Fatalf("%q: the scheme is %q", s, u.Scheme)
		}
	})
}

func authorityOf(s string) string {
	_, rest, _ := strings.Cut(s, "//")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// FuzzBase64 compares with encoding/base64, which skips line breaks.
func FuzzBase64(f *testing.F) {
	seedFormats(f, "byte")
	is := formatCheck(f, "byte")
	f.Fuzz(func(t *testing.T, s string) {
		_, err := base64.StdEncoding.Strict().DecodeString(s)
		if want := err == nil && !strings.ContainsAny(s, "\r\n"); is(s) != want {
			t.Errorf("%q: %v, want %v", s, !want, want)
		}
		if b := base64.StdEncoding.EncodeToString([]byte(s)); !is(b) {
			t.Errorf("%q, encoded by encoding/base64", b)
		}
	})
}
