package http2_test

import (
	"encoding/xml"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// findH2spec is the h2spec of $PATH, or else one that is built, as testdata/h2spec/go.mod pins it, into the shared folder.
var findH2spec = sync.OnceValues(func() (string, error) {
	if path, err := exec.LookPath("h2spec"); err == nil {
		return path, nil
	}
	path := filepath.Join(scratch, "h2spec")
	cmd := exec.Command("go", "build", "-o", path, "github.com/summerwind/h2spec/cmd/h2spec")
	cmd.Dir = filepath.Join("testdata", "h2spec")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("h2spec is not in $PATH, and cannot be built: %w\n%s", err, out)
	}
	return path, nil
})

// specCases is how many cases a version of h2spec has at least: 2.2.1 has these, 2.3 and later have one more.
const specCases = 145

// TestH2spec: the cases of RFC 9113 and RFC 7541 that h2spec knows.
func TestH2spec(t *testing.T) {
	path, err := findH2spec()
	if err != nil {
		missing(t, err)
	}
	s := start(t)
	tests := []struct {
		name   string
		addr   string
		args   []string
		cases  int
		misses []string // that are allowed
	}{
		{"over TLS", s.TLSAddr, []string{"-t", "-k"}, specCases, nil},
		{"over TLS, strict", s.TLSAddr, []string{"-t", "-k", "-S"}, specCases + 1, nil},
		// What is no preface is HTTP/1.1 there, and answered.
		{"without TLS", s.Addr, nil, specCases, []string{"http2/3.5/2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cases := runH2spec(t, path, tt.addr, tt.args)
			again(t, cases, path, tt.addr, tt.args, tt.misses)
			if len(cases) < tt.cases {
				t.Errorf("%d cases, want %d", len(cases), tt.cases)
			}
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) { c.check(t, slices.Contains(tt.misses, c.id)) })
			}
		})
	}
}

// specCase is a case with its outcome.
type specCase struct {
	id, name string
	skipped  bool
	failure  string
}

func (c specCase) check(t *testing.T, mayFail bool) {
	if c.skipped {
		t.Error("h2spec skips it")
	}
	if c.failure == "" {
		return
	}
	if mayFail {
		t.Skip("allowed to fail:", c.failure)
	}
	t.Error(c.failure)
}

// again runs cases that failed once more, where the handler waits: for a while, and for the end of the body. Many cases break a rule behind the
// first frame of a request, and wait for the error; a handler that answers at once, as that of /plaintext, may have ended the stream before.
func again(t *testing.T, cases []specCase, path, addr string, args, misses []string) {
	t.Helper()
	for i, c := range cases {
		for _, target := range []string{"/slow?ms=200", "/echo"} {
			if c.failure == "" || slices.Contains(misses, c.id) {
				break
			}
			// The report numbers the cases that ran.
			list := runH2spec(t, path, addr, append(slices.Clone(args), "-P", target, c.id))
			if len(list) == 1 && list[0].failure == "" && !list[0].skipped {
				t.Logf("%s passes on %s", c.id, target)
				c.failure = ""
				cases[i] = c
			}
		}
	}
}

// runH2spec runs cases against addr, all if args has none.
func runH2spec(t *testing.T, path, addr string, args []string) []specCase {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(t.TempDir(), "report.xml")
	// It ends with 1 where cases fail, which the report says better.
	out, runErr := command(path, append([]string{"-h", host, "-p", port, "-P", "/plaintext", "-o", "2", "-j", report}, args...)...)
	for line := range strings.Lines(out) {
		if strings.Contains(line, " passed, ") {
			t.Logf("%q: %s", args, strings.TrimSpace(line))
		}
	}
	cases, err := readSpecReport(report)
	if err != nil {
		t.Fatalf("%v; %v\n%s", err, runErr, out)
	}
	return cases
}

// readSpecReport reads a report in JUnit's format.
func readSpecReport(path string) (cases []specCase, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var report struct {
		Suites []struct {
			Package string `xml:"package,attr"`
			Cases   []struct {
				Name    string    `xml:"classname,attr"`
				Skipped *struct{} `xml:"skipped"`
				Failure string    `xml:"failure"`
				Error   string    `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(text, &report); err != nil {
		return nil, err
	}
	for _, suite := range report.Suites {
		for i, c := range suite.Cases {
			id := fmt.Sprint(suite.Package, "/", i+1)
			cases = append(cases, specCase{id, id + " " + c.Name, c.Skipped != nil, c.Failure + c.Error})
		}
	}
	return cases, nil
}
