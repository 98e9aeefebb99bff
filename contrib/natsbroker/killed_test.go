package natsbroker_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/goquart/quart/contrib/natsbroker"
	"github.com/goquart/quart/contrib/natsbroker/embedded"
	"github.com/goquart/quart/hub"
	"github.com/goquart/quart/hub/brokertest"
)

// serverVar makes this program a server, "port directory", so that a test can kill it.
const serverVar = "NATSBROKER_SERVER"

func TestMain(m *testing.M) {
	if s := os.Getenv(serverVar); s != "" {
		serveForever(s)
	}
	os.Exit(m.Run())
}

func serveForever(portAndDir string) {
	text, dir, _ := strings.Cut(portAndDir, " ")
	port, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	srv, err := embedded.Start(embedded.Config{Port: port, Dir: dir})
	if err != nil {
		panic(err)
	}
	fmt.Println(srv.URL())
	select {}
}

// process is a server in a process of its own.
type process struct {
	backend
	cmd *exec.Cmd
}

func (p *process) start(t *testing.T) {
	t.Helper()
	port := p.url[strings.LastIndexByte(p.url, ':')+1:]
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), serverVar+"="+port+" "+p.dir)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	p.url = strings.TrimSpace(line)
}

// kill is SIGKILL: what the server has not given to the system is gone.
func (p *process) kill(t *testing.T) {
	if err := p.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = p.cmd.Wait()
}

func TestContractKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("as TestContract, with a process that is killed")
	}
	brokertest.Run(t, brokertest.Harness{Slack: slack, New: func(t *testing.T, c brokertest.Config) brokertest.Backend {
		p := &process{backend: backend{dir: t.TempDir(), url: ":0"}}
		p.start(t)
		t.Cleanup(func() { p.kill(t) })
		return brokertest.Backend{
			Connect: func(t *testing.T) hub.Broker { return p.connect(t, contractConfig(c)) },
			Stop:    p.kill,
			Start:   p.start,
			Lose: func(t *testing.T) {
				p.kill(t)
				if err := os.RemoveAll(p.dir); err != nil {
					t.Fatal(err)
				}
				p.start(t)
			},
		}
	}})
}

// slack is how much more than the history is in the backlog where a case fills it.
const slack = 40

func contractConfig(c brokertest.Config) natsbroker.Config {
	config := natsbroker.Config{History: c.History, Keep: c.Keep}
	if c.History < 100 { // else the default, which outages need
		config.Backlog = c.History + slack
	}
	return config
}
