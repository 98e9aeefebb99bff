// Package wrk reads what wrk prints.
package wrk

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	printedRequests = regexp.MustCompile(`(?m)^\s*(\d+) requests in `)
	printedRate     = regexp.MustCompile(`(?m)^Requests/sec:\s*([\d.]+)$`)
)

// Parse reads wrk's report: the requests that were answered, and how many of them in a second. Answers other than 2xx and 3xx, and
// errors of sockets, are errors here.
func Parse(out string) (requests int, rate float64, err error) {
	if strings.Contains(out, "Socket errors:") || strings.Contains(out, "Non-2xx") {
		return 0, 0, fmt.Errorf("wrk had errors: %s", out)
	}
	n, perSecond := printedRequests.FindStringSubmatch(out), printedRate.FindStringSubmatch(out)
	if n == nil || perSecond == nil {
		return 0, 0, fmt.Errorf("wrk printed no counts: %s", out)
	}
	if requests, err = strconv.Atoi(n[1]); err != nil {
		return 0, 0, err
	}
	rate, err = strconv.ParseFloat(perSecond[1], 64)
	if err != nil || requests == 0 || rate == 0 {
		return 0, 0, fmt.Errorf("wrk got no answers: %s", out)
	}
	return requests, rate, nil
}
