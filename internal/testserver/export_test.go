package testserver

// Quit tells the server to stop at once, and does not wait for it.
func (p *Postgres) Quit() error { return signalStop(p.cmd.Process, stopAtOnce) }
