package hpack

const (
	initialSize   = 4096 // of the dynamic table of every connection (RFC 9113, section 6.5.2)
	entryOverhead = 32   // what an entry counts besides its bytes (RFC 7541, section 4.1)
	firstBytes    = 512
	firstEntries  = 8
)

// table is a dynamic table (RFC 7541, section 2.3.2): a ring of entries whose bytes lie one behind the other in one buffer, oldest first.
type table struct {
	bytes      []byte // all of it is usable
	entries    []entry
	start, end int    // of the bytes of live entries
	base       uint32 // what entry.offset is ahead of the index into bytes; it changes when the bytes move, instead of all entries
	added      uint32 // entries ever added: an entry's number, modulo len(entries), is its slot
	count      uint32 // live entries: the last ones added
	size, max  int    // as the RFC counts
}

type entry struct {
	offset, name, value uint32 // where the name begins, and the two lengths
}

func entrySize(name, value int) int { return name + value + entryOverhead }

// numbered returns the entry with the number n, which must be live.
func (t *table) numbered(n uint32) (name, value []byte) {
	e := t.entries[n&uint32(len(t.entries)-1)]
	off := e.offset - t.base
	end := off + e.name
	return t.bytes[off:end:end], t.bytes[end : end+e.value : end+e.value]
}

// newest returns the number of the i-th newest entry, from 0.
func (t *table) newest(i uint32) uint32 { return t.added - 1 - i }

func (t *table) setMax(n uint32) {
	t.max = int(n)
	t.evict(0)
}

// evict drops the oldest entries until an entry of need fits, or all.
func (t *table) evict(need int) {
	for t.count > 0 && t.size+need > t.max {
		e := t.entries[(t.added-t.count)&uint32(len(t.entries)-1)]
		n := int(e.name) + int(e.value)
		t.start += n
		t.size -= n + entryOverhead
		t.count--
	}
	if t.count == 0 {
		t.start, t.end = 0, 0
	}
}

// add copies a new entry into the table, which is empty afterwards if the entry is larger than it (RFC 7541, section 4.4). name and value must
// not lie in the table.
func (t *table) add(name, value []byte) (stored bool) {
	need := entrySize(len(name), len(value))
	t.evict(need)
	if need > t.max {
		return false
	}
	t.reserve(len(name) + len(value))
	if int(t.count) == len(t.entries) {
		t.growEntries()
	}
	e := entry{offset: uint32(t.end) + t.base, name: uint32(len(name)), value: uint32(len(value))}
	t.entries[t.added&uint32(len(t.entries)-1)] = e
	t.end += copy(t.bytes[t.end:], name)
	t.end += copy(t.bytes[t.end:], value)
	t.added++
	t.count++
	t.size += need
	return true
}

// reserve makes room for n bytes behind the live ones, which together are at most max.
//
// perf: the buffer never is larger than max. It then has 32 bytes per entry to spare, which makes moving the live bytes to its beginning rare
// enough (BenchmarkDecoder/insert).
func (t *table) reserve(n int) {
	live := t.end - t.start
	switch has := len(t.bytes); {
	case t.end+n <= has:
		return
	case live+n <= has-has/4 || has >= t.max:
		copy(t.bytes, t.bytes[t.start:t.end])
	default:
		b := make([]byte, min(max(firstBytes, roundUp(max(has+has/2, live+n), 256)), t.max))
		copy(b, t.bytes[t.start:t.end])
		t.bytes = b
	}
	t.base += uint32(t.start)
	t.start, t.end = 0, live
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// growEntries doubles the ring.
func (t *table) growEntries() {
	ring := make([]entry, max(firstEntries, 2*len(t.entries)))
	for n := t.added - t.count; n != t.added; n++ {
		ring[n&uint32(len(ring)-1)] = t.entries[n&uint32(len(t.entries)-1)]
	}
	t.entries = ring
}
