package http2_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// victimEnv says that a test process is to be the server that is attacked; "streamed" is one that streams request bodies.
const victimEnv = "QUART_HTTP2_VICTIM"

// TestAttackVictim is the server of TestAttacks, in a process of its own. It is no test.
func TestAttackVictim(t *testing.T) {
	kind := os.Getenv(victimEnv)
	if kind == "" {
		t.Skip("run by TestAttacks")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http2.Server{Config: http2.Config{
		PrefaceTimeout: time.Second, WriteTimeout: 2 * time.Second, BodyReadTimeout: 2 * time.Second, StreamRequestBody: kind == "streamed",
	}}
	srv.Handler = func(ctx *fasthttp.RequestCtx) { beVictim(srv, ctx) }
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test is over
		os.Exit(0)
	}()
	fmt.Printf("listening on %s\n", l.Addr())
	for {
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = srv.ServeConn(nc) }()
	}
}

// victimStats is what the victim says of itself.
type victimStats struct {
	http2.Stats
	Goroutines int
}

func beVictim(srv *http2.Server, ctx *fasthttp.RequestCtx) {
	switch string(ctx.Path()) {
	case "/wait":
		done := make(chan struct{})
		http2.StreamOf(ctx).OnEnd(func(error) { close(done) })
		<-done
	case "/big":
		ctx.SetBody(make([]byte, 1<<20))
	case "/endless":
		ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
			for {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		})
	case "/stats":
		b, _ := json.Marshal(victimStats{srv.Stats(), runtime.NumGoroutine()})
		ctx.SetBody(b)
	default:
		ctx.SetBodyString("hello")
	}
}

// victim is a process with a server.
type victim struct {
	cmd  *exec.Cmd
	addr string
}

func startVictim(t *testing.T, streamed bool) *victim {
	t.Helper()
	kind := "gathered"
	if streamed {
		kind = "streamed"
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestAttackVictim$", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), victimEnv+"="+kind, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil { // a panic, or a race
			t.Errorf("the victim: %v", err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("the victim says %q, %v", line, err)
	}
	return &victim{cmd, addr}
}

// memory returns a line of the process's status in KiB: VmRSS, VmHWM; 0 where there is no such file.
func (v *victim) memory(name string) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", v.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return n
		}
	}
	return 0
}

// cpu returns the time that the process has worked, 0 where it is not known.
func (v *victim) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", v.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // ticks of 1/100 s
}

// attacker is a client that floods. A goroutine of it counts what the server says, unless it is deaf.
type attacker struct {
	t     *testing.T
	addr  string
	nc    net.Conn
	begun time.Time
	sent  int // frames, about
	bytes int

	over chan struct{} // closed when nothing more can be read

	mu     sync.Mutex
	frames map[byte]int
	said   *http2.ErrCode // by GOAWAY
	debug  string
	ended  time.Time
}

func dialVictim(t *testing.T, addr string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return nc
}

func newAttacker(t *testing.T, addr string) *attacker {
	t.Helper()
	a := &attacker{t: t, addr: addr, nc: dialVictim(t, addr), begun: time.Now(), over: make(chan struct{}), frames: map[byte]int{}}
	_ = a.nc.SetDeadline(a.begun.Add(2 * patience))
	a.send([]byte(clientPreface), settings())
	return a
}

// listen counts the server's frames until the end of the connection.
func (a *attacker) listen() {
	defer close(a.over)
	br := bufio.NewReaderSize(a.nc, 64<<10)
	head := make([]byte, frameHeader)
	for {
		if _, err := io.ReadFull(br, head); err != nil {
			break
		}
		n := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
		payload := make([]byte, n)
		if _, err := io.ReadFull(br, payload); err != nil {
			break
		}
		a.mu.Lock()
		a.frames[head[3]]++
		if head[3] == typeGoAway {
			code := http2.ErrCode(binary.BigEndian.Uint32(payload[4:]))
			a.said, a.debug = &code, string(payload[8:])
		}
		a.mu.Unlock()
	}
	a.mu.Lock()
	a.ended = time.Now()
	a.mu.Unlock()
}

// deaf makes a client that never reads, and has little room for what comes. It is called first.
func (a *attacker) deaf() {
	_ = a.nc.(*net.TCPConn).SetReadBuffer(4096)
	close(a.over)
}

func (a *attacker) isDeaf() bool {
	select {
	case <-a.over:
		return a.ended.IsZero()
	default:
		return false
	}
}

func (a *attacker) count(typ byte) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.frames[typ]
}

// send writes, and does not care whether anybody takes it.
func (a *attacker) send(parts ...[]byte) {
	n, _ := a.nc.Write(bytes.Join(parts, nil))
	a.bytes += n
	a.sent += len(parts)
}

// flood sends n pieces, many at a time, until the connection ends.
func (a *attacker) flood(n int, piece func(i int) []byte) {
	if !a.isDeaf() {
		go a.listen()
	}
	if raceEnabled {
		n = max(n/15, min(n, 300))
	}
	var batch []byte
	for i, last := 0, 0; i < n; {
		batch = batch[:0]
		for ; i < n && len(batch) < 16<<10; i++ {
			batch = append(batch, piece(i)...)
		}
		a.sent += i - last
		last = i
		a.bytes += len(batch)
		if _, err := a.nc.Write(batch); err != nil {
			a.finish()
			return
		}
	}
}

// finish notes when a client saw the end that does not read.
func (a *attacker) finish() {
	if a.isDeaf() {
		a.ended = time.Now()
	}
}

// uploads sends n bodies of size bytes, one after the other, as fast as the server's windows allow.
func (a *attacker) uploads(n, size int) {
	c := readerOf(a.t, a.nc)
	body := make([]byte, size)
	for range n {
		id := c.post("/", body)
		c.await(id)
		a.sent += size / frameLimit
	}
	close(a.over)
}

// rest waits, or until the connection ends.
func (a *attacker) rest(d time.Duration) {
	select {
	case <-a.over:
	case <-time.After(d):
	}
}

// untilClosed awaits the end without reading: a write fails in the end.
func (a *attacker) untilClosed() {
	d := patience
	if raceEnabled {
		d = 3 * time.Second
	}
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if _, err := a.nc.Write(frame(typeUnknown, 0, 0)); err != nil {
			a.finish()
			return
		}
	}
}

// crowd opens many connections that all send the same and wait for their end.
func (a *attacker) crowd(n int, hello []byte) {
	var wg sync.WaitGroup
	var closed atomic.Int32
	for range n {
		nc, err := net.Dial("tcp", a.addr)
		if err != nil {
			a.t.Error(err)
			break
		}
		_ = nc.SetDeadline(time.Now().Add(patience / 4))
		_, _ = nc.Write(hello)
		wg.Go(func() {
			defer func() { _ = nc.Close() }()
			if _, err := io.Copy(io.Discard, nc); !errors.Is(err, os.ErrDeadlineExceeded) {
				closed.Add(1)
			}
		})
		a.sent++
	}
	wg.Wait()
	_ = a.nc.Close()
	close(a.over)
	if int(closed.Load()) == n {
		a.ended = time.Now()
	}
}

// test lets the attack happen, and looks at what it does to the server and to its other clients. What takes too long may be the machine's fault:
// that has to happen three times.
func (tt *attack) test(t *testing.T) {
	for range 2 {
		if tt.once(t) == "" {
			return
		}
	}
	if late := tt.once(t); late != "" {
		t.Error(late)
	}
}

// once returns what took too long.
func (tt *attack) once(t *testing.T) (late string) {
	v := startVictim(t, tt.streamed)
	witness := newClient(t, dialVictim(t, v.addr))
	_ = witness.nc.SetDeadline(time.Now().Add(3 * patience))
	for range 20 {
		witness.want(witness.get("/"), "200", "hello")
	}
	before, worked := v.memory("VmRSS"), v.cpu()
	a := newAttacker(t, v.addr)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tt.run(a)
		if !tt.stays && !a.isDeaf() && !raceEnabled {
			a.rest(patience)
		}
	}()
	slowest := time.Duration(0)
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-time.After(5 * time.Millisecond):
		}
		asked := time.Now()
		witness.want(witness.get("/"), "200", "hello")
		slowest = max(slowest, time.Since(asked))
	}
	late = tt.judge(t, a, slowest, (v.memory("VmHWM")-before)/1024, v.cpu()-worked)
	_ = a.nc.Close()
	settle(t, witness)
	return late
}

func (tt *attack) judge(t *testing.T, a *attacker, slowest time.Duration, grown int, worked time.Duration) (late string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	reaction, took := "stays open", "-"
	if !a.ended.IsZero() {
		reaction, took = "closed", fmt.Sprintf("%.2f", a.ended.Sub(a.begun).Seconds())
	}
	if a.said != nil {
		reaction += ", GOAWAY " + a.said.String()
	}
	// attack, frames, reaction, seconds until it was closed, growth and CPU time of the server, the slowest answer to another client
	t.Logf("| %s | %d | %s | %s | +%d MiB | %.2f s | %.0f ms |", tt.name, a.sent, reaction, took, grown, worked.Seconds(),
		float64(slowest.Microseconds())/1000)
	if raceEnabled { // the detector makes everything slow and large: there, races are looked for
		return ""
	}
	limit := tt.memory
	if limit == 0 {
		limit = 24
	}
	if grown > limit {
		t.Errorf("the server grew by %d MiB, more than %d", grown, limit)
	}
	if a.ended.IsZero() && !tt.stays {
		t.Errorf("the connection is still open after %d frames", a.sent)
	}
	if a.said != nil && !has(tt.want, *a.said) {
		t.Errorf("GOAWAY %v %q, want %v", *a.said, a.debug, tt.want)
	}
	// A server reads on for a while after its GOAWAY, but not for ever: the kernel's answer to what nobody read takes the GOAWAY with it.
	if a.said == nil && len(tt.want) > 0 && !tt.stays && a.bytes < 1<<20 {
		t.Errorf("no GOAWAY, want %v", tt.want)
	}
	if worked > 2*time.Second || slowest > time.Second {
		return fmt.Sprintf("the server worked for %v, another client waited for %v", worked, slowest)
	}
	return ""
}

// settle awaits that the victim holds nothing but the second client's connection.
func settle(t *testing.T, witness *client) {
	t.Helper()
	var st victimStats
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		id := witness.get("/stats")
		if err := json.Unmarshal(witness.want(id, "200", "*").body, &st); err != nil {
			t.Fatal(err)
		}
		if st.Conns == 1 && st.Streams <= 1 && st.Handlers <= 1 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("left behind: %+v", st)
		}
	}
}
