package hub

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Pos is the position of a message in its topic. It is what clients resume from: printed, it is the ID of an event and a resume token.
// Positions of one epoch are ordered by Seq, not always without gaps; between epochs the order says nothing: the history was lost in between.
type Pos struct{ Epoch, Seq uint64 }

// String is the printed form, "epoch-seq" in base 36; "" for the zero Pos.
func (p Pos) String() string {
	if p == (Pos{}) {
		return ""
	}
	b := strconv.AppendUint(make([]byte, 0, 32), p.Epoch, 36)
	return string(strconv.AppendUint(append(b, '-'), p.Seq, 36))
}

// ErrPos is that of a string which is no printed Pos.
var ErrPos = errors.New("hub: not a position")

// ParsePos is the inverse of Pos.String. Errors: ErrPos.
func ParsePos(s string) (Pos, error) {
	if s == "" {
		return Pos{}, nil
	}
	epoch, seq, ok := strings.Cut(s, "-")
	if !ok {
		return Pos{}, fmt.Errorf("%w: %.40q", ErrPos, s)
	}
	e, err1 := strconv.ParseUint(epoch, 36, 64)
	n, err2 := strconv.ParseUint(seq, 36, 64)
	p := Pos{e, n}
	if err1 != nil || err2 != nil || p.String() != s { // one spelling only
		return Pos{}, fmt.Errorf("%w: %.40q", ErrPos, s)
	}
	return p, nil
}

// Broker carries messages between the hubs of several processes, and keeps the recent ones of each topic. Package brokertest says in code
// what it must do.
type Broker interface {
	// Publish adds msg to topic and returns its position. It does not keep msg. While the broker cannot be reached it waits
	// until ctx is done, or fails: a message whose Publish failed may still arrive, one whose Publish succeeded is never lost to those that subscribe.
	// The error for a message that is longer than the broker ever takes has a method StatusCode() int that returns 413; all others are answered 503.
	Publish(ctx context.Context, topic string, msg []byte) (Pos, error)
	// Subscribe calls fn for each message of topic behind since, first, before it returns, for those that the broker still has, later as they
	// come: one at a time, in order, none twice. msg is borrowed until fn returns, which must not take long, nor call the broker. The zero Pos is
	// in front of all that the broker has. recovered is false when messages behind since are lost, or since is of another epoch: then fn gets all that there
	// is. While the broker cannot be reached, Subscribe fails within some seconds.
	//
	// After a broker was away, fn goes on behind the last message that it got. If messages were lost for good meanwhile, the positions have a new
	// epoch, in this subscription at least. cancel ends it: when it has returned, fn does not run any more. It must not be called by fn.
	Subscribe(topic string, since Pos, fn func(pos Pos, msg []byte)) (cancel func(), recovered bool, err error)
}
