package natsbroker

import "time"

// Token is the part of a subject that stands for a topic.
func Token(topic string) string { return token(topic) }

// EpochOf is the epoch in a stream's subjects, 0 if they are not the broker's.
func EpochOf(prefix string, list []string) uint64 {
	s, ok := parseSubjects(prefix, list)
	if !ok {
		return 0
	}
	return s.epoch
}

// NextEpoch is the epoch behind another one of a stream that was created at a time.
func NextEpoch(epoch uint64, created time.Time) uint64 {
	return subjects{epoch: epoch}.next(created).epoch
}
