//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart/bench/internal/pin"
	"github.com/goquart/quart/bench/internal/proc"
	"github.com/goquart/quart/bench/internal/rounds"
)

// TestMain makes the test binary the servers too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == proc.Flag {
		exitOn(proc.Host(os.Args[2:], newSite))
		return
	}
	os.Exit(m.Run())
}

func testConfig(t *testing.T) config {
	t.Helper()
	cores, err := pin.Pick()
	if err != nil {
		t.Fatal(err)
	}
	return config{
		Parts: parts, Peers: peers, Rounds: 1, Time: 50 * time.Millisecond, Idle: 40, IdleTLS: 10, Settle: 50 * time.Millisecond,
		Receivers: []int{30}, Singles: 3, Pause: time.Millisecond, Bursts: 2, Burst: 70, Churn: 60, cores: cores,
	}
}

// TestMeasure runs everything for a moment. The client refuses each byte that is not right, and messages that are missing or too many.
func TestMeasure(t *testing.T) {
	cfg := testConfig(t)
	rep, err := measure(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{partEcho, partBurst, partLarge} {
		if table := rep.Echo[i]; table.Load != name || len(table.Rows) != len(peers) {
			t.Errorf("table %d: %+v", i, table)
		}
		for j, row := range rep.Echo[i].Rows {
			if row.Server != peers[j].Name || row.Rate.Median <= 0 || row.CPU.Median <= 0 || row.Bytes.Median < 0 {
				t.Errorf("%s, row %d: %+v", name, j, row)
			}
		}
	}
	if len(rep.Idle) != 7 || len(rep.Hub) != 2 || len(rep.Churn) != 5 || len(rep.Broadcasts) != 1 {
		t.Fatalf("rows are missing: %+v", rep)
	}
	for _, row := range slices.Concat(rep.Idle, rep.Hub) {
		if want := map[bool]int{false: 40, true: 10}[strings.Contains(row.Source, "TLS")]; row.Conns != want {
			t.Errorf("idle: %+v, want %d connections", row, want)
		}
	}
	for i, from := range cfg.senders() {
		single, burst := rep.Broadcasts[0].Singles[i], rep.Broadcasts[0].Bursts[i]
		if single.Sender != from.Name || single.Took.Median <= 0 || single.Ratio.Median <= 0 || burst.Sender != from.Name || burst.Took.Median <= 0 {
			t.Errorf("broadcast, row %d: %+v, %+v", i, single, burst)
		}
	}
	for _, row := range rep.Churn {
		if row.Sockets != 60 || row.GoroutinesAfter <= 0 || row.HeapAfter <= 0 || row.ResidentAfter <= 0 {
			t.Errorf("churn: %+v", row)
		}
	}
	checkOutput(t, rep)
}

func checkOutput(t *testing.T, rep *report) {
	t.Helper()
	var text strings.Builder
	if err := rep.print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"echo: 64 B", "16 messages in each write", "gws v1.", "quart, TLS", "Topic.Publish", "event stream of a topic", "came", "targets"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in the tables:\n%s", want, &text)
		}
	}
	b, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(b, &back); err != nil || len(back.Targets) != len(rep.Targets) {
		t.Errorf("JSON does not come back: %v, %s", err, b)
	}
}

// TestBroadcastCounts asks for less than is sent, and for more.
func TestBroadcastCounts(t *testing.T) {
	cfg := testConfig(t)
	s, err := proc.Start(t.Context(), cfg.cores.Server, ours, "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	c, err := dial(t.Context(), s.Addr, roomPath, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := awaitMembers(t.Context(), s, 3); err != nil {
		t.Fatal(err)
	}
	unit := serverFrame(binaryByte, announcement())
	if _, err := s.Ask(sendPost+" 5", 0); err != nil {
		t.Fatal(err)
	}
	if err := c.await(t.Context(), unit, 5); err != nil {
		t.Fatal(err)
	}
	if c.await(t.Context(), unit, 4) == nil {
		t.Error("messages that are too many are taken for right")
	}
	s.Stop()
	if err := c.await(t.Context(), unit, 6); err == nil {
		t.Error("sockets that end are taken for right")
	}
	if !s.Cmd.ProcessState.Success() {
		t.Errorf("the server did not end by itself: %v", s.Cmd.ProcessState)
	}
}

// play is a server that answers one handshake and then sends what it is told to.
func play(t *testing.T, accept string, answer []byte) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf := make([]byte, 4<<10)
		for n := 0; !bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")); {
			m, err := c.Read(buf[n:])
			if err != nil {
				return
			}
			n += m
		}
		c.Write(append([]byte("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept"+accept+"\r\n"), answer...))
		io.Copy(io.Discard, c)
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

// TestClient has it read what servers should not send, and what they may.
func TestClient(t *testing.T) {
	right := serverFrame(binaryByte, []byte("right"))
	tests := []struct {
		name, accept string
		answer       []byte
		fails        bool
	}{
		{"right", string(accepted), right, false},
		{"a ping before", string(accepted), append(serverFrame(pingByte, []byte("?")), right...), false},
		{"no such key", ": AAAA\r\n", right, true},
		{"other bytes", string(accepted), serverFrame(binaryByte, []byte("wrong")), true},
		{"text", string(accepted), serverFrame(textByte, []byte("right")), true},
		{"twice", string(accepted), append(right, right...), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr := play(t, tt.accept, tt.answer)
			c, err := connect(t.Context(), addr, nil, accepted, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			err = c.add(addr, handshake(addr, echoPath))
			if err == nil {
				err = c.await(t.Context(), right, 1)
			}
			if (err != nil) != tt.fails {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestBareEcho has messages of all lengths of heads turned round, in pieces and together.
func TestBareEcho(t *testing.T) {
	for _, size := range []int{4, 64, 125, 126, 1000, 64 << 10} {
		for _, n := range []int{1, 3} {
			message := bytes.Repeat(clientFrame(binaryByte, payload(size)), n)
			near, far := net.Pipe()
			go func() {
				bareEcho(far)
				far.Close()
			}()
			go func() {
				for len(message) > 0 {
					m, err := near.Write(message[:min(len(message), 1500)])
					if err != nil {
						return
					}
					message = message[m:]
				}
			}()
			want := bytes.Repeat(serverFrame(binaryByte, payload(size)), n)
			got := make([]byte, len(want))
			near.SetDeadline(time.Now().Add(stuck))
			if _, err := io.ReadFull(near, got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d messages of %d bytes: %v", n, size, err)
			}
			near.Close()
		}
	}
}

func TestFlags(t *testing.T) {
	tests := []struct {
		name, args string
		parts      string
		peers      int
		fails      bool
	}{
		{"defaults", "", "echo,burst,large,idle,broadcast,hub,churn", 6, false},
		{"some", "-only hub,echo -peers gws,quart", "hub,echo", 2, false},
		{"quick", "-quick", "echo,burst,large,idle,broadcast,hub,churn", 6, false},
		{"unknown part", "-only sse", "", 6, true},
		{"unknown peer", "-peers melody", "echo,burst,large,idle,broadcast,hub,churn", 0, true},
		{"more sockets than files", "-idle 20000", "echo,burst,large,idle,broadcast,hub,churn", 6, true},
		{"no receivers", "-receivers 0", "echo,burst,large,idle,broadcast,hub,churn", 6, true},
		{"no number", "-receivers many", "", 6, true},
		{"no time", "-time 0s", "echo,burst,large,idle,broadcast,hub,churn", 6, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, _, err := parseFlags(strings.Fields(tt.args))
			if (err != nil) != tt.fails || errors.Is(err, flag.ErrHelp) {
				t.Fatalf("error %v", err)
			}
			if got := strings.Join(cfg.Parts, ","); err == nil && (got != tt.parts || len(cfg.Peers) != tt.peers) {
				t.Errorf("parts %s, %d peers, want %s, %d", got, len(cfg.Peers), tt.parts, tt.peers)
			}
		})
	}
	cfg, _, err := parseFlags(strings.Fields("-rounds 7 -quick"))
	if err != nil || cfg.Rounds != 7 || cfg.Churn != 1000 {
		t.Errorf("%d rounds, %d sockets to come and go, %v: what is given wins over -quick", cfg.Rounds, cfg.Churn, err)
	}
}

// TestTargets puts quart on either side of each limit.
func TestTargets(t *testing.T) {
	figure := func(v float64) rounds.Figure { return rounds.Of([]float64{v}) }
	report := func(f float64) *report {
		echo := func(name string, cpu float64) echoTable {
			return echoTable{Load: name, Rows: []echoRow{
				{Server: fastName, Rate: figure(10)},
				{Server: gwsName, Rate: figure(10)},
				{Server: ours, Rate: figure(100 / f), CPU: figure(cpu * f), Allocs: figure(0.01 * f)},
			}}
		}
		return &report{
			Echo: []echoTable{echo(partEcho, 7), echo(partBurst, 1), echo(partLarge, 27)},
			Idle: []idleRow{{Source: ours, Resident: 5 * kib * f}, {Source: ours + ", TLS", Resident: 15 * kib * f}, {Source: gwsName, Resident: 99 * kib}},
			Hub:  []idleRow{{Resident: 2 * kib * f}, {Resident: 9 * kib, Goroutines: 1}},
			Broadcasts: []broadcastTable{{Singles: []broadcastRow{
				{Sender: "bare conn.Write", Ratio: figure(1)}, {Sender: "quart, Socket.Post", Ratio: figure(1.1 * f)}, {Sender: "gorilla", Ratio: figure(2)},
			}}},
			Churn: []churnRow{{Server: ours, GoroutinesAfter: int64(100*f) - 100, HeapAfter: int64(heapSlack * kib * f)}, {Server: gwsName, GoroutinesAfter: 9}},
		}
	}
	for f, missed := range map[float64]bool{1: false, 1.01: true} {
		all := report(f).targets()
		if len(all) != 3+1+2+1+2+1+1+2 {
			t.Errorf("%d targets: %+v", len(all), all)
		}
		if i := slices.IndexFunc(all, func(got target) bool { return got.Missed != missed }); i >= 0 {
			t.Errorf("%v of the limits: %+v", f, all[i])
		}
	}
}

func TestProfiles(t *testing.T) {
	cfg := testConfig(t)
	cfg.ProfileDir = t.TempDir()
	cfg.Parts = []string{partEcho, partHub}
	cfg.Peers = cfg.Peers[len(cfg.Peers)-1:]
	if _, err := measure(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"echo-quart-0", "idle-quart-socket-in-a-topic"} {
		if info, err := os.Stat(cfg.ProfileDir + "/" + name + ".pprof"); err != nil || info.Size() == 0 {
			t.Errorf("no profile: %v", err)
		}
	}
}
