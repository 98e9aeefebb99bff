//go:build !quartdebug

package pool_test

import (
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/goquart/quart/pool"
)

func TestGuardHasNoSize(t *testing.T) {
	type plain struct {
		_ string
		_ int32
	}
	type guarded struct {
		_ pool.Guard
		_ string
		_ int32
	}
	if got := reflect.TypeFor[pool.Guard]().Size(); got != 0 {
		t.Errorf("a Guard has %d bytes, want 0", got)
	}
	if got, want := reflect.TypeFor[guarded]().Size(), reflect.TypeFor[plain]().Size(); got != want {
		t.Errorf("a struct with a Guard has %d bytes, want %d as without", got, want)
	}
	if got, want := reflect.TypeFor[pool.Buffer]().Size(), reflect.TypeFor[[]byte]().Size(); got != want {
		t.Errorf("a Buffer has %d bytes, want the %d of its slice", got, want)
	}
}

func TestGuardDoesNothing(t *testing.T) {
	var g pool.Guard
	g.Released()
	g.Released()
	g.Check("Ctx")
	g.Acquired()
	g.Acquired()
}

// TestGuardIsInlined asks the compiler: a method that it inlines at a cost of 0
// leaves no instruction behind.
func TestGuardIsInlined(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil || testing.Short() {
		t.Skip("needs the go command and some time")
	}
	out, err := exec.Command(goTool, "build", "-gcflags=-m=2", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, method := range []string{"Acquired", "Released", "Check"} {
		if want := "can inline (*Guard)." + method + " with cost 0 "; !strings.Contains(string(out), want) {
			t.Errorf("the compiler does not say %q", want)
		}
	}
}
