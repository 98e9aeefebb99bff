package brokertest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart/hub"
	"github.com/goquart/quart/hub/brokertest"
)

// TestSound runs all cases, those of outages too, with a broker that has no fault.
func TestSound(t *testing.T) {
	brokertest.Run(t, brokertest.Harness{New: newNetwork("")})
}

// faultVar is the environment variable that names the fault to run with.
const faultVar = "BROKERTEST_FAULT"

// TestFaulty is run by TestFaults in a process of its own, because it has to fail.
func TestFaulty(t *testing.T) {
	fault := os.Getenv(faultVar)
	if fault == "" {
		t.Skip("for TestFaults")
	}
	brokertest.SetPatience(5 * time.Second)
	brokertest.Run(t, brokertest.Harness{New: newNetwork(fault)})
}

// TestFaults: a contract that a wrong broker fulfills says nothing.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("each fault is a process")
	}
	for _, c := range []struct{ fault, want string }{
		{"loses one", "TestFaulty/order"},
		{"doubles one", "TestFaulty/order"},
		{"swaps two", "TestFaulty/order"},
		{"two at a time", "two calls of fn at a time"},
		{"another position", "TestFaulty/order"},
		{"keeps msg", "TestFaulty/payloads"},
		{"cuts messages", "TestFaulty/payloads"},
		{"ignores ctx", "TestFaulty/context"},
		{"one topic", "TestFaulty/topics"},
		{"folds case", "TestFaulty/names"},
		{"cuts at NUL", "TestFaulty/names"},
		{"cuts long names", "TestFaulty/names"},
		{"replaces dots", "TestFaulty/names"},
		{"history later", "TestFaulty/"},
		{"ignores since", "TestFaulty/resume"},
		{"newest again", "TestFaulty/resume"},
		{"always recovered", "TestFaulty/resume"},
		{"never recovered", "TestFaulty/topics"},
		{"keeps too much", "TestFaulty/trimmed"},
		{"keeps too little", "TestFaulty/trimmed"},
		{"keeps for ever", "TestFaulty/expired"},
		{"gap at the seam", "TestFaulty/seam"},
		{"goes on after cancel", "after cancel had returned"},
		{"doubles after a restart", "TestFaulty/restart"},
		{"forgets subscribers at a restart", "TestFaulty/restart"},
		{"lives without backend", "TestFaulty/down"},
		{"same epoch after a loss", "TestFaulty/lost"},
		{"leaks", "goroutines,"},
	} {
		t.Run(strings.ReplaceAll(c.fault, " ", "_"), func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestFaulty$", "-test.failfast", "-test.timeout=60s")
			cmd.Env = append(os.Environ(), faultVar+"="+c.fault)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatal("the broker passed")
			}
			if !strings.Contains(string(out), c.want) {
				t.Errorf("it failed otherwise than with %q:\n%s", c.want, out)
			}
		})
	}
}

// The test of an adapter: each case gets a backend of its own, and each Connect is as good as another process.
func ExampleRun() {
	var t *testing.T // that of TestBroker

	brokertest.Run(t, brokertest.Harness{
		New: func(_ *testing.T, c brokertest.Config) brokertest.Backend {
			server := hub.NewMemory(hub.MemoryConfig{History: c.History, Keep: c.Keep})
			return brokertest.Backend{
				Connect: func(*testing.T) hub.Broker { return server },
				// Stop, Start and Lose are for servers that can be killed.
			}
		},
	})
}
