package quarttest

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
)

// pair returns both ends of a connection.
func pair(t *testing.T) (client net.Conn, server *serverEnd) {
	t.Helper()
	l := newListener()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	client, err := l.dial(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 7})
	if err != nil {
		t.Fatal(err)
	}
	return client, (<-accepted).(*serverEnd)
}

func TestOnPeerClose(t *testing.T) {
	count := func(n *int) func() { return func() { *n++ } }
	t.Run("later", func(t *testing.T) {
		client, server := pair(t)
		calls := 0
		server.OnPeerClose(count(&calls))
		if calls != 0 {
			t.Fatal("called while the client is there")
		}
		_ = client.Close()
		_ = client.Close()
		_ = server.Close()
		if calls != 1 {
			t.Errorf("%d calls", calls)
		}
	})
	t.Run("at once", func(t *testing.T) {
		client, server := pair(t)
		_, _ = io.WriteString(client, "bye")
		_ = client.Close()
		calls := 0
		server.OnPeerClose(count(&calls))
		_ = client.Close()
		if calls != 1 {
			t.Errorf("%d calls", calls)
		}
		if got, err := io.ReadAll(server); string(got) != "bye" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
	})
	t.Run("replaced", func(t *testing.T) {
		client, server := pair(t)
		first, second := 0, 0
		server.OnPeerClose(count(&first))
		server.OnPeerClose(count(&second))
		_ = client.Close()
		if first != 0 || second != 1 {
			t.Errorf("%d and %d calls", first, second)
		}
	})
	t.Run("removed", func(t *testing.T) {
		client, server := pair(t)
		calls := 0
		server.OnPeerClose(count(&calls))
		server.OnPeerClose(nil)
		_ = client.Close()
		if calls != 0 {
			t.Errorf("%d calls", calls)
		}
	})
	t.Run("the app was first", func(t *testing.T) {
		client, server := pair(t)
		calls := 0
		server.OnPeerClose(count(&calls))
		_ = server.Close()
		_ = client.Close()
		server.OnPeerClose(count(&calls))
		_ = client.Close()
		if calls != 0 {
			t.Errorf("%d calls", calls)
		}
	})
	t.Run("racing", func(t *testing.T) {
		for range 200 {
			client, server := pair(t)
			called := make(chan struct{}, 2)
			go client.Close()
			server.OnPeerClose(func() { called <- struct{}{} })
			<-called
			if len(called) != 0 {
				t.Fatal("called twice")
			}
		}
	})
}

func TestListener(t *testing.T) {
	client, server := pair(t)
	if got := client.LocalAddr().String() + " " + server.RemoteAddr().String() + " " + server.LocalAddr().String(); got != "192.0.2.1:7 192.0.2.1:7 quarttest" {
		t.Errorf("addresses %s", got)
	}
	synctest.Test(t, func(t *testing.T) {
		l := newListener()
		failed := make(chan error, 3)
		go func() {
			_, err := l.Accept()
			failed <- err
		}()
		synctest.Wait() // it waits for a client
		for range 2 {
			if err := l.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		_, err := l.dial(nil)
		failed <- err
		_, err = l.Accept()
		failed <- err
		for range 3 {
			if err := <-failed; !errors.Is(err, net.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		}
	})
}
