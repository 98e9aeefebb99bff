//go:build !unix

package quart

func newInlet(conn *connState, _ *connOutlet) inlet { return &connInlet{conn: conn} }
