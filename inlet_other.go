//go:build !unix

package quart

func newInlet(conn *connState) inlet { return &connInlet{conn: conn} }
