package redisbroker

import (
	"context"
	_ "embed" // for the scripts
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/goquart/quart/hub"
	"github.com/redis/go-redis/v9"
)

var (
	//go:embed publish.lua
	publishLua string
	//go:embed read.lua
	readLua string

	publishScript = redis.NewScript(publishLua)
	readScript    = redis.NewScript(readLua)
)

const (
	// What one script takes or returns, because the server does nothing else meanwhile. One message alone may be larger.
	maxBatch      = 128
	maxBatchBytes = 1 << 20
)

// newEpoch names a history. 48 bits are 10 letters in a printed position, and no second history of a topic will have the same ones.
func newEpoch() uint64 { return 1 + rand.Uint64N(1<<48-1) }

// runPublish runs publish.lua and returns the position of the first message.
func (b *Broker) runPublish(stream, head string, batch uint64, msgs [][]byte) (hub.Pos, error) {
	args := make([]any, 0, 6+len(msgs))
	args = append(args, b.writer, batch, newEpoch(), b.cfg.History+b.cfg.Reserve, b.cfg.Keep.Milliseconds(), b.cfg.Remember.Milliseconds())
	for _, m := range msgs {
		args = append(args, m)
	}
	ctx, cancel := context.WithTimeout(b.ctx, callTimeout)
	defer cancel()
	reply, err := publishScript.Run(ctx, b.client, []string{stream, head}, args...).Slice()
	if err != nil {
		return hub.Pos{}, err
	}
	if len(reply) != 2 {
		return hub.Pos{}, errReply(reply)
	}
	return pos(reply[0], reply[1])
}

// page is an answer of read.lua.
type page struct {
	end     hub.Pos // the topic's last message; zero without a history
	gapless bool    // nothing is missing behind the position that was asked for
	msgs    []entry
}

type entry struct {
	seq uint64
	msg string
}

// read runs read.lua. Whoever is new sees the history; who has been there sees the reserve too.
func (b *Broker) read(stream, head string, since hub.Pos, isNew bool) (page, error) {
	visible := 0
	if isNew {
		visible = b.cfg.History
	}
	select {
	case b.reads <- struct{}{}:
		defer func() { <-b.reads }()
	case <-b.ctx.Done():
		return page{}, ErrClosed
	}
	ctx, cancel := context.WithTimeout(b.ctx, callTimeout)
	defer cancel()
	reply, err := readScript.Run(ctx, b.client, []string{stream, head},
		strconv.FormatUint(since.Epoch, 10), strconv.FormatUint(since.Seq, 10), b.cfg.Keep.Milliseconds(), 2*maxBatch, maxBatchBytes, visible).Slice()
	if err != nil {
		return page{}, err
	}
	return parsePage(reply)
}

func parsePage(reply []any) (p page, err error) {
	if len(reply) < 3 || len(reply)%2 == 0 {
		return p, errReply(reply)
	}
	if reply[0] != "" {
		if p.end, err = pos(reply[0], reply[1]); err != nil {
			return p, err
		}
	}
	p.gapless = reply[2] == int64(1)
	for i := 3; i < len(reply); i += 2 {
		seq, err := number(reply[i])
		msg, ok := reply[i+1].(string)
		if err != nil || !ok {
			return p, errReply(reply[i : i+2])
		}
		p.msgs = append(p.msgs, entry{seq, msg})
	}
	return p, nil
}

// pos is a position out of a reply.
func pos(epoch, seq any) (p hub.Pos, err error) {
	if p.Epoch, err = number(epoch); err != nil {
		return p, err
	}
	p.Seq, err = number(seq)
	return p, err
}

func number(v any) (uint64, error) {
	s, ok := v.(string)
	if !ok {
		return 0, errReply(v)
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, errReply(v)
	}
	return n, nil
}

func errReply(v any) error { return fmt.Errorf("redisbroker: unexpected answer %.60q", fmt.Sprint(v)) }

// live is a message of the channel.
type live struct {
	pos  hub.Pos
	prev uint64 // the number of the message in front of it
	msg  string
}

// parseLive takes a payload apart: epoch, number, previous number, message, with a space behind each number.
func parseLive(payload string) (l live, ok bool) {
	var numbers [3]uint64
	for i := range numbers {
		digits, rest, found := strings.Cut(payload, " ")
		n, err := strconv.ParseUint(digits, 10, 64)
		if !found || err != nil {
			return live{}, false
		}
		numbers[i], payload = n, rest
	}
	l = live{pos: hub.Pos{Epoch: numbers[0], Seq: numbers[1]}, prev: numbers[2], msg: payload}
	return l, l.pos.Epoch != 0 && l.prev < l.pos.Seq
}
