package hub

import (
	"errors"
	"fmt"
)

// Errors that say what a client asked for; each has the status that an HTTP answer gets.
var (
	// ErrTopic: a topic's name is empty, longer than MaxTopic bytes, no UTF-8, or has control characters. Status 400.
	ErrTopic error = &refusal{400, "hub: not a topic's name"}
	// ErrWho: the same of Options.As and MaxWho. Status 400.
	ErrWho error = &refusal{400, "hub: not a name for who is present"}
	// ErrText: a text message is not UTF-8. Publish bytes as a binary message. Status 400.
	ErrText error = &refusal{400, "hub: a text message is not UTF-8"}
	// ErrTopics: as many topics as Config.Topics allows have members. Status 503.
	ErrTopics error = &refusal{503, "hub: too many topics"}
)

// brokerError is an error of the broker. Its status is 503, for it is not the client's fault, nor the app's; but 413 if the broker says that the
// message is too long: who hears of 503 comes back with the same message.
type brokerError struct {
	what, topic string
	err         error
}

func (e *brokerError) Error() string { return fmt.Sprintf("hub: %s %q: %v", e.what, e.topic, e.err) }
func (e *brokerError) Unwrap() error { return e.err }

func (e *brokerError) StatusCode() int {
	var coder interface{ StatusCode() int }
	if errors.As(e.err, &coder) && coder.StatusCode() == 413 {
		return 413
	}
	return 503
}

// refusal is an error with a status. (quart.HTTPError would be equal to all others of its status.)
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string   { return e.text }
func (e *refusal) StatusCode() int { return e.status }
