package main

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/goquart/quart/examples/internal/smallest"
)

func TestLines(t *testing.T) { smallest.CheckLines(t, 12) }

// TestProgram runs the program with a faster clock, and listens.
func TestProgram(t *testing.T) { listen(t, smallest.Start(t, "time.Second", "10*time.Millisecond")) }

func listen(t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url+"/clock", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Last-Event-ID", "41")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var ids []string
	lines := bufio.NewScanner(resp.Body)
	for len(ids) < 2 && lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			ids = append(ids, id)
		}
	}
	if strings.Join(ids, " ") != "42 43" {
		t.Errorf("ids %q, want 42 and 43; %v", ids, lines.Err())
	}
}
