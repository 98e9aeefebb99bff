//go:build !unix

package testserver

import (
	"errors"
	"os"
	"syscall"
)

type stopSignal int

const (
	stopFast stopSignal = iota
	stopAtOnce
	stopKill
)

func signalStop(p *os.Process, _ stopSignal) error { return p.Kill() }

func (o *owner) attributes() *syscall.SysProcAttr { return nil }

func pause(int) error { return errors.ErrUnsupported }

func resume(int) error { return errors.ErrUnsupported }

func childrenOf(int) ([]int, error) { return nil, errors.ErrUnsupported }
