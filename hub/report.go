package hub

import (
	"github.com/go-json-experiment/json"
)

// kindReport is the first byte of a report; see kind.
const kindReport = version | 5

const (
	maxReport = 1 << 20  // the longest report that is looked at
	maxNames  = 24 << 10 // bytes of names in a list of a report that is sent: brokers have limits, too
)

// report is what a process says of who is present in a topic there.
type report struct {
	Node  string   `json:"node"`           // that of an attendance
	Ask   bool     `json:"ask,omitzero"`   // the others are to send reports with All
	All   bool     `json:"all,omitzero"`   // Join is all who are there from From on, in front of To
	From  string   `json:"from,omitzero"`  // "" is from the first one
	To    string   `json:"to,omitzero"`    // "" is to the last one
	Join  []string `json:"join,omitempty"` // in order
	Leave []string `json:"leave,omitempty"`
}

// parts are reports of bounded length that say what r says. Each is true by itself, so that none has to wait for another one.
func (r report) parts() (parts []report) {
	for {
		p := r
		p.Join, r.Join = cut(r.Join)
		p.Leave, r.Leave = cut(r.Leave)
		if r.All && len(r.Join) > 0 {
			p.To = r.Join[0]
		}
		parts = append(parts, p)
		if len(r.Join)+len(r.Leave) == 0 {
			return parts
		}
		r.Ask, r.From = false, p.To
	}
}

// cut cuts the names that go into one report off.
func cut(names []string) (part, rest []string) {
	size := 0
	for i, name := range names {
		if size += len(name) + len(`"",`); size > maxNames {
			return names[:i], names[i:]
		}
	}
	return names, nil
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

// missing returns those of names who are not in Join, and would be.
func (r *report) missing(names map[string]bool) (missing []string) {
	there := make(map[string]bool, len(r.Join))
	for _, who := range r.Join {
		there[who] = true
	}
	for who := range names {
		if !there[who] && who >= r.From && (who < r.To || r.To == "") {
			missing = append(missing, who)
		}
	}
	return missing
}
