package main

import (
	"strconv"
	"strings"
)

// listPage is a page of posts.
type listPage struct {
	Posts []post
	First bool // it begins with the newest
	More  bool // there are older ones
}

// formPage is the form as it was sent, with what is wrong beside each field.
type formPage struct {
	Title, Text           string
	TitleError, TextError string
}

// errorPage says what went wrong and where to go on.
type errorPage struct {
	Title, Detail string
}

func (p *formPage) invalid() bool { return p.TitleError != "" || p.TextError != "" }

// older links to the posts before these.
func (p *listPage) older() string {
	return "/?before=" + strconv.FormatInt(p.Posts[len(p.Posts)-1].ID, 10)
}

// sentence makes one of an error's detail.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
