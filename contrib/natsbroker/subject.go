package natsbroker

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// subjects are those of an epoch. The epoch is part of each: a message can only be added to the stream that its publisher knows, and
// a stream that was made anew has other subjects.
type subjects struct {
	prefix string
	epoch  uint64
}

// next is the epoch behind s of a stream that was created at a time. It is the same for all processes: each that notices a loss gives the stream
// its subjects, and the second of two that notice it at one moment must not take them from the first, who may have published already.
func (s subjects) next(created time.Time) subjects {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], s.epoch)
	binary.LittleEndian.PutUint64(b[8:], uint64(created.UnixNano()))
	sum := sha256.Sum256(b[:])
	s.epoch = binary.LittleEndian.Uint64(sum[:]) | 1
	return s
}

// stored is the subject under which the stream keeps the messages of a topic.
func (s subjects) stored(token string) string {
	return s.prefix + ".msg." + strconv.FormatUint(s.epoch, 36) + "." + token
}

// live is the subject on which the server repeats them, numbered, when they are stored.
func (s subjects) live(token string) string {
	return s.prefix + ".live." + strconv.FormatUint(s.epoch, 36) + "." + token
}

// parseSubjects finds the epoch in the subjects of a stream. ok is false for a stream that is somebody else's.
func parseSubjects(prefix string, list []string) (s subjects, ok bool) {
	if len(list) != 1 {
		return subjects{}, false
	}
	rest, ok := strings.CutPrefix(list[0], prefix+".msg.")
	if !ok {
		return subjects{}, false
	}
	text, ok := strings.CutSuffix(rest, ".*")
	if !ok {
		return subjects{}, false
	}
	epoch, err := strconv.ParseUint(text, 36, 64)
	s = subjects{prefix, epoch}
	return s, err == nil && epoch != 0 && s.stored("*") == list[0]
}

// longTopic is the length of a token from which a topic is hashed. The protocol has 4096 bytes for a line with a few subjects.
const longTopic = 1024

// token makes a topic a part of a subject: letters, digits, - and _ stay, other bytes become = and two digits, as in quoted-printable. It
// begins with t, so that it is never empty. A long topic becomes h and its SHA-256.
func token(topic string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(topic) + 1)
	b.WriteByte('t')
	for i := range len(topic) {
		switch c := topic[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			b.WriteByte('=')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	if b.Len() <= longTopic {
		return b.String()
	}
	sum := sha256.Sum256([]byte(topic))
	return "h" + hex.EncodeToString(sum[:])
}
