package http2

// meter counts events in windows of a second of the coarse clock.
type meter struct {
	second int64
	n      int
	before int // in the second before
}

func (m *meter) add(now int64, n int) {
	if s := now / 1000; s != m.second {
		m.before = 0
		if s == m.second+1 {
			m.before = m.n
		}
		m.second, m.n = s, 0
	}
	m.n += n
}

// over counts one, and reports whether there were more than limit in the second.
func (m *meter) over(now int64, limit int) bool {
	m.add(now, 1)
	return m.n > limit
}

// recent is the count of the last second or two.
func (m *meter) recent(now int64) int {
	m.add(now, 0)
	return m.n + m.before
}
