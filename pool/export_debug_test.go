//go:build quartdebug

package pool

// Known returns how many values p remembers.
func Known[T any](p *Pool[T]) int {
	p.ledger.mu.Lock()
	defer p.ledger.mu.Unlock()
	return len(p.ledger.lives)
}
