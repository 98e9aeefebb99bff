package main

import (
	"strings"
	"testing"
	"time"
)

func TestParseReviewForm(t *testing.T) {
	for _, tc := range []struct {
		name                 string
		rating, author, text string
		want                 reviewForm
	}{
		{"plain", "4", "Ada", "Good.", reviewForm{Rating: 4, Author: "Ada", Text: "Good."}},
		{"only a rating", "1", "", "", reviewForm{Rating: 1}},
		{"white space", "5", " \tAda \r\n L. ", "\r\n one\r\n\r\ntwo \n", reviewForm{Rating: 5, Author: "Ada L.", Text: "one\n\ntwo"}},
		{"control characters", "5", "A\x00d\x1ba", "x\x07y\u202ez", reviewForm{Rating: 5, Author: "Ada", Text: "xyz"}},
		{"bad UTF-8", "5", "A\xff", "\xc3(", reviewForm{Rating: 5, Author: "A\uFFFD", Text: "\uFFFD("}},
		{"no rating", "", "", "", reviewForm{RatingError: "Choose a rating."}},
		{"rating with a sign", "-1", "", "", reviewForm{RatingError: "The rating is a whole number from 1 to 5."}},
		{"rating too large", "99999999999999999999", "", "", reviewForm{RatingError: "The rating is a whole number from 1 to 5."}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := parseReviewForm(tc.rating, tc.author, tc.text); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		s    string
		n    int
		want string
	}{
		{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"éàü!", 3, "éàü"}, {"abc", 0, ""},
	} {
		if got := cut(tc.s, tc.n); got != tc.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tc.s, tc.n, got, tc.want)
		}
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		titleCase("PAPER ENGINE"):             "Paper Engine",
		titleCase(""):                         "",
		count(1, "film"):                      "1 film",
		count(0, "film"):                      "0 films",
		count(1234567, "film"):                "1,234,567 films",
		count(123, "film"):                    "123 films",
		runningTime(55 * time.Minute):         "55 min",
		runningTime(120 * time.Minute):        "2 h",
		runningTime(111 * time.Minute):        "1 h 51 min",
		sentence("there is no film 7"):        "There is no film 7.",
		strings.Repeat("x", percent(1, 1000)): "x",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		before time.Duration
		want   string
	}{
		{-time.Minute, "just now"}, // a clock that was set back
		{0, "just now"},
		{59 * time.Second, "just now"},
		{time.Minute, "1 minute ago"},
		{59 * time.Minute, "59 minutes ago"},
		{23 * time.Hour, "23 hours ago"},
		{24 * time.Hour, "1 day ago"},
		{7*24*time.Hour - 1, "6 days ago"},
		{7 * 24 * time.Hour, ""},
	} {
		if got := ago(now.Add(-tc.before), now); got != tc.want {
			t.Errorf("%v before: %q, want %q", tc.before, got, tc.want)
		}
	}
}
