package sockets_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/goquart/quart/conformance/internal/contract"
)

var buildWSConform = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(scratch, "wsconform")
	_, err := command(filepath.Join("..", "wsconform"), "go", "build", "-o", binary, ".")
	return binary, err
})

// noVerdict are the cases of Autobahn that ask what a server does, not whether it is right.
var noVerdict = map[string]bool{"7.1.6": true, "7.13.1": true, "7.13.2": true}

// TestConformance plays all cases, with and without TLS. It is stricter than they are: what Autobahn calls non-strict or unimplemented
// fails.
func TestConformance(t *testing.T) {
	binary, err := buildWSConform()
	if err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"ws", "wss"} {
		t.Run(scheme, func(t *testing.T) {
			s := contract.Start(t)
			report := filepath.Join(t.TempDir(), "report.json")
			args := []string{"-addr", s.Addr}
			if scheme == "wss" {
				args = []string{"-addr", s.TLSAddr, "-tls"}
			}
			out, err := command(".", binary, append(args, "-path", "/ws", "-deflate-count", "40", "-json", report)...)
			if err != nil {
				t.Error(err)
			} else {
				t.Log(out)
			}
			text, err := os.ReadFile(report)
			if err != nil {
				t.Fatal(err)
			}
			var results []struct{ ID, Desc, Behavior, Close, Violation, Note string }
			if err := json.Unmarshal(text, &results); err != nil {
				t.Fatal(err)
			}
			if len(results) != 517 {
				t.Errorf("%d cases, want 517", len(results))
			}
			for _, r := range results {
				want := "OK"
				if noVerdict[r.ID] {
					want = "INFORMATIONAL"
				}
				if r.Behavior != want || r.Close != want || r.Violation != "" {
					t.Errorf("%s (%s): %s, closed %s %s %s", r.ID, r.Desc, r.Behavior, r.Close, r.Violation, r.Note)
				}
			}
		})
	}
}
