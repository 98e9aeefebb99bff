package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// listPage lists the films that a search found; without a search, all.
type listPage struct {
	Query   Query
	Results Results
}

// filmPage shows one film, its reviews and the form for another one.
type filmPage struct {
	Film Details
	Form reviewForm
	Now  time.Time
}

// errorPage says what went wrong and where to go on.
type errorPage struct {
	Title, Detail string
}

// sorts are the orders that the list offers.
var sorts = []struct {
	By   Sort
	Name string
}{
	{ByTitle, "Title"},
	{ByYear, "Newest"},
	{ByRating, "Rated"},
	{ByLength, "Shortest"},
}

func (p *listPage) title() string {
	if p.Query.Text == "" {
		return "Films"
	}
	return "Films: " + p.Query.Text
}

// link is the URL of the same search in another order or on another page.
func (p *listPage) link(by Sort, page int) string {
	values := url.Values{}
	if p.Query.Text != "" {
		values.Set("q", p.Query.Text)
	}
	if by != ByTitle {
		values.Set("sort", string(by))
	}
	if page > 1 {
		values.Set("page", strconv.Itoa(page))
	}
	if len(values) == 0 {
		return "/"
	}
	return "/?" + values.Encode()
}

// ariaSort is the aria-sort attribute of a column.
func (p *listPage) ariaSort(by Sort) string {
	switch {
	case p.Query.Sort != by:
		return "none"
	case by == ByYear:
		return "descending"
	}
	return "ascending"
}

func filmPath(id int64) string { return "/film/" + strconv.FormatInt(id, 10) }

// titleCase turns "PAPER ENGINE", as the data has it, into "Paper Engine".
func titleCase(title string) string {
	words := strings.Fields(strings.ToLower(title))
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, " ")
}

// count is "1 film" or "1,000 films".
func count(n int, thing string) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n != 1 {
		thing += "s"
	}
	return digits + " " + thing
}

func minutes(d time.Duration) int { return int(d / time.Minute) }

// runtime is "1 h 51 min".
func runningTime(d time.Duration) string {
	h, m := minutes(d)/60, minutes(d)%60
	switch {
	case h == 0:
		return fmt.Sprintf("%d min", m)
	case m == 0:
		return fmt.Sprintf("%d h", h)
	}
	return fmt.Sprintf("%d h %d min", h, m)
}

// ago is a time that reads the same in all zones, or "" when it is a week back or more.
func ago(then, now time.Time) string {
	d := now.Sub(then)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return count(int(d/time.Minute), "minute") + " ago"
	case d < 24*time.Hour:
		return count(int(d/time.Hour), "hour") + " ago"
	case d < 7*24*time.Hour:
		return count(int(d/(24*time.Hour)), "day") + " ago"
	}
	return ""
}

// percent of a bar; a part that is not nothing is seen.
func percent(part, whole int) int {
	if whole == 0 || part == 0 {
		return 0
	}
	return max(1, part*100/whole)
}
