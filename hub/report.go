package hub

import (
	"github.com/go-json-experiment/json"
)

// kindReport is the first byte of a report; see kind.
const kindReport = version | 5

// maxReport is the longest report that is looked at.
const maxReport = 1 << 20

// report is what a process says of who is present in a topic there.
type report struct {
	Node  string   `json:"node"`           // that of an attendance
	Ask   bool     `json:"ask,omitzero"`   // the others are to send a report with All
	All   bool     `json:"all,omitzero"`   // Join is all who are there
	Join  []string `json:"join,omitempty"` // in order
	Leave []string `json:"leave,omitempty"`
}

// append appends the form in which r goes through the broker.
func (r *report) append(b []byte) []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // names are UTF-8
	}
	return append(append(b, kindReport), text...)
}

// parseReport is its inverse. It reports false for what is to be ignored.
func parseReport(b []byte) (r report, ok bool) {
	if len(b) == 0 || b[0] != kindReport || len(b) > maxReport {
		return r, false
	}
	err := json.Unmarshal(b[1:], &r)
	return r, err == nil && validName(r.Node, MaxWho)
}

// missing returns those of names who are not in Join.
func (r *report) missing(names map[string]bool) (missing []string) {
	there := make(map[string]bool, len(r.Join))
	for _, who := range r.Join {
		there[who] = true
	}
	for who := range names {
		if !there[who] {
			missing = append(missing, who)
		}
	}
	return missing
}
