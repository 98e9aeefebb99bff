package wire_test

import (
	"strings"
	"testing"

	"github.com/goquart/quart/internal/wire"
)

const chromeAccept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"

const rfcAccept = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5"

type acceptTest struct {
	accept string
	offers string // separated by spaces or '|'
	want   string // "" for none
}

var mediaTests = []acceptTest{
	{"", "text/html", ""},
	{"*/*", "application/json|text/html", "application/json"},
	{"text/*", "application/json|text/html", "text/html"},
	{"TEXT/HTML", "text/html", "text/html"},
	{"text/html", "text/html; charset=utf-8", "text/html; charset=utf-8"},
	{"text/html", "text/htmlx|text/htm|text", ""},
	{chromeAccept, "application/json|text/html", "text/html"},
	{chromeAccept, "application/problem+json|application/json", "application/problem+json"},
	// the highest weight wins, not the first
	{"text/html;q=0.5, application/json;q=0.6", "text/html|application/json", "application/json"},
	{"text/html ; q=0.5 , application/json ; Q=0.6", "text/html|application/json", "application/json"},
	// at equal weight the more specific range, then the first offer
	{"application/json, text/plain, */*", "text/html|application/json", "application/json"},
	{"text/html, application/json", "application/json|text/html", "application/json"},
	{"text/*, text/html", "text/plain|text/html", "text/html"},
	// the most specific range applies, whatever its weight (RFC 9110, 12.5.1)
	{rfcAccept, "text/plain|text/plain;format=flowed", "text/plain;format=flowed"},
	{rfcAccept, "text/plain;format=fixed|text/plain", "text/plain"},
	{rfcAccept, "text/html|text/plain;format=fixed", "text/plain;format=fixed"},
	{rfcAccept, "text/html|text/plain;format=fixed|image/jpeg", "image/jpeg"},
	{"text/*, text/html;q=0", "text/html", ""},
	{"text/html;q=0, */*", "text/html|text/plain", "text/plain"},
	{"*/*;q=0", "text/html", ""},
	// parameters
	{"text/html;level=1", "text/html", ""},
	{"text/html;level=1", "text/html;level=2", ""},
	{"text/html;level=1", "text/html; Charset=utf-8; Level=1", "text/html; Charset=utf-8; Level=1"},
	{`text/html;charset="UTF-8"`, "text/html; charset=utf-8", "text/html; charset=utf-8"},
	{"text/html;level=1;q=0, text/html", "text/html;level=1|text/html", "text/html"},
	{`text/html;x="a,b;c\"d";q=0.1, text/plain;q=0.2`, "text/html|text/plain", "text/plain"},
	// rubbish is skipped
	{",, ,text/html,", "text/html", "text/html"},
	{"text, /, text/, /html, */html, text/html;q=2, text/html;q, text/html;q=a, text/html foo", "text/html", ""},
	{"text/html;q=1.001, text/plain;q=0.x", "text/html|text/plain", ""},
	{`text/html;x="open, text/plain`, "text/plain", ""},
	// more decimals than allowed
	{"text/html;q=0.3333, text/plain;q=0.3339", "text/plain|text/html", "text/plain"},
	{"text/html;q=0.0001", "text/html", "text/html"},
	{"text/html;q=0.0000", "text/html", ""},
	{"text/html;q=1.0000", "text/html", "text/html"},
	{"text/html;q=0., text/plain;q=1.", "text/html|text/plain", "text/plain"},
}

var encodingTests = []acceptTest{
	{"", "br gzip", ""},
	{"", "br identity", "identity"},
	{"gzip, deflate, br, zstd", "br gzip", "br"},
	{"gzip;q=1.0, br;q=0.9", "br gzip", "gzip"},
	{"gzip;q=0.001", "identity gzip", "gzip"},
	{"GZIP", "gzip", "gzip"},
	{"x-gzip", "gzip", "gzip"},
	{"gzip", "x-gzip", "x-gzip"},
	{"*", "br gzip", "br"},
	{"gzip, *", "br gzip", "gzip"},
	{"gzip;q=0, *", "gzip br", "br"},
	{"*;q=0", "gzip identity", ""},
	{"identity;q=0, *", "identity gzip", "gzip"},
	{"identity;q=0", "identity", ""},
	{"*;q=0, identity;q=0.1", "gzip identity", "identity"},
	{"br;q=bad, gzip", "br gzip", "gzip"},
	{"compress", "gzip", ""},
}

var languageTests = []acceptTest{
	{"", "de", ""},
	{"de-AT", "de", "de"},
	{"de-at", "DE-AT", "DE-AT"},
	{"de", "de-AT", "de-AT"},
	{"de", "den", ""},
	{"den", "de", ""},
	{"zh-Hant-TW", "zh zh-Hans", "zh"},
	{"de-AT,de;q=0.9,en-US;q=0.8,en;q=0.7", "en de", "de"},
	{"de-AT;q=0.5, en", "de en", "en"},
	{"de, en", "en de", "en"},
	{"de-AT, en-US", "en de-AT", "de-AT"},
	{"fr, *;q=0.5", "de en", "de"},
	{"fr;q=0.5, *;q=0.5", "de fr", "fr"},
	{"de;q=0, *", "de en", "en"},
	{"de;q=0, *", "de-AT en", "en"},
	{"de-AT, de;q=0", "de", ""},
	{"de-AT;q=0, de", "de de-AT", "de"},
	{"de-AT;q=0, de", "de-AT", ""},
	{"de-AT;q=0, *", "de", "de"},
	{"en;q=x, de", "en de", "de"},
	{"-", "de", ""},
}

func checkAccept(t *testing.T, name string, tests []acceptTest, sep string, f func([]byte, []string) int) {
	t.Helper()
	for _, tt := range tests {
		offers := strings.Split(tt.offers, sep)
		got := ""
		if i := f([]byte(tt.accept), offers); i >= 0 {
			got = offers[i]
		}
		if got != tt.want {
			t.Errorf("%s(%q, %q) = %q, want %q", name, tt.accept, offers, got, tt.want)
		}
	}
}

func TestMediaType(t *testing.T) { checkAccept(t, "MediaType", mediaTests, "|", wire.MediaType) }
func TestEncoding(t *testing.T)  { checkAccept(t, "Encoding", encodingTests, " ", wire.Encoding) }
func TestLanguage(t *testing.T)  { checkAccept(t, "Language", languageTests, " ", wire.Language) }

func TestNegotiateNothing(t *testing.T) {
	for _, f := range []func([]byte, []string) int{wire.MediaType, wire.Encoding, wire.Language} {
		if got := f([]byte("*/*, *"), nil); got != -1 {
			t.Errorf("no offers: %d", got)
		}
	}
}

// The winner must be acceptable alone, no loser that stands before it may win
// against it, and -1 means that no offer is acceptable alone.
func fuzzAccept(f *testing.F, tests []acceptTest, sep string, negotiate func([]byte, []string) int) {
	for _, tt := range tests {
		f.Add(tt.accept, tt.offers)
	}
	f.Fuzz(func(t *testing.T, accept, offers string) {
		list := strings.Split(offers, sep)
		if len(list) > 6 {
			return
		}
		won := negotiate([]byte(accept), list)
		for i, offer := range list {
			alone := negotiate([]byte(accept), []string{offer})
			if won == -1 && alone != -1 || won == i && alone != 0 {
				t.Errorf("%q, %q: won %d, offer %d alone %d", accept, list, won, i, alone)
			}
			if alone != 0 || i == won {
				continue
			}
			pair := []string{list[min(i, won)], list[max(i, won)]}
			if got := negotiate([]byte(accept), pair); pair[got] != list[won] {
				t.Errorf("%q: %q won over all, but lost in %q", accept, list[won], pair)
			}
		}
	})
}

func FuzzMediaType(f *testing.F) { fuzzAccept(f, mediaTests, "|", wire.MediaType) }
func FuzzEncoding(f *testing.F)  { fuzzAccept(f, encodingTests, " ", wire.Encoding) }
func FuzzLanguage(f *testing.F)  { fuzzAccept(f, languageTests, " ", wire.Language) }

func BenchmarkMediaType(b *testing.B) {
	accept, offers := []byte(chromeAccept), []string{"application/problem+json", "text/html"}
	for b.Loop() {
		if wire.MediaType(accept, offers) != 1 {
			b.Fatal("not HTML")
		}
	}
}

func BenchmarkEncoding(b *testing.B) {
	accept, offers := []byte("gzip, deflate, br, zstd"), []string{"zstd", "br", "gzip"}
	for b.Loop() {
		if wire.Encoding(accept, offers) != 0 {
			b.Fatal("not zstd")
		}
	}
}

func BenchmarkLanguage(b *testing.B) {
	accept, offers := []byte("de-AT,de;q=0.9,en-US;q=0.8,en;q=0.7"), []string{"en", "de"}
	for b.Loop() {
		if wire.Language(accept, offers) != 1 {
			b.Fatal("not German")
		}
	}
}
