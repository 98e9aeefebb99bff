package main

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// reviewForm is the form of a review as it was sent, with what is wrong beside each field.
type reviewForm struct {
	Rating       int // 0 when none was chosen
	Author, Text string

	RatingError, AuthorError, TextError string
}

// parseReviewForm tidies and checks the fields of a form. A browser checks most of this before; not every client does.
func parseReviewForm(rating, author, text string) reviewForm {
	f := reviewForm{Author: oneLine(author), Text: lines(text)}
	n, err := strconv.Atoi(rating)
	switch {
	case rating == "":
		f.RatingError = "Choose a rating."
	case err != nil || n < MinRating || n > MaxRating:
		f.RatingError = "The rating is a whole number from 1 to 5."
	default:
		f.Rating = n
	}
	if n := utf8.RuneCountInString(f.Author); n > MaxAuthor {
		f.AuthorError = "The name has " + count(n, "character") + "; at most " + strconv.Itoa(MaxAuthor) + " are possible."
	}
	if n := utf8.RuneCountInString(f.Text); n > MaxText {
		f.TextError = "The review has " + count(n, "character") + "; at most " + strconv.Itoa(MaxText) + " are possible."
	}
	return f
}

func (f *reviewForm) invalid() bool {
	return f.RatingError != "" || f.AuthorError != "" || f.TextError != ""
}

// oneLine makes a line of text that can be stored and shown: valid UTF-8, runs of white space as one space, no control characters.
func oneLine(s string) string {
	return strings.Join(strings.Fields(printable(s)), " ")
}

// lines does the same to text of several lines, which forms send with CRLF.
func lines(s string) string {
	return strings.TrimSpace(printable(strings.ReplaceAll(s, "\r\n", "\n")))
}

// printable drops control characters but newline and tab, and those that change the direction of what follows.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// cut returns the first n runes of s.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
