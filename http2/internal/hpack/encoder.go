package hpack

import "strconv"

// The first bytes of fields and strings (RFC 7541, sections 5.2 and 6), and the bits that begin their integers.
const (
	flagIndexed = 0x80
	maskIndexed = 0x7f
	flagAdd     = 0x40 // literal with incremental indexing
	maskAdd     = 0x3f
	flagUpdate  = 0x20 // of the table's size
	maskUpdate  = 0x1f
	flagNever   = 0x10 // literal, never indexed
	flagLiteral = 0x00 // literal without indexing
	maskLiteral = 0x0f
	flagHuffman = 0x80
	maskString  = 0x7f
)

// Encoder encodes the header blocks of one connection, in the order in which they are sent. It is not for concurrent use.
//
// A field that one of the tables has is sent as its index. Any other is sent as a literal: the first time as one that leaves the table alone,
// so that what occurs once evicts nothing; when it is among the last fields seen, as one that is added. set-cookie, authorization,
// proxy-authorization and what is said to be sensitive never enter the table and are marked so (RFC 7541, section 7.1.3). Strings are in
// Huffman code where that is shorter.
//
// It allocates nothing once its table has grown, as far as dst has room.
type Encoder struct {
	table  table
	bound  uint32   // our own, of the table's size
	last   uint32   // the size to be announced in the next block
	least  uint32   // the smallest since the block before
	hashes []hashes // by slot of the table's entries
	lower  []byte   // of names longer than shortName
	turn   uint32   // see remember
	seen   [numSeen]uint32
	number [numSeen]uint16 // lowest bits of the number of an entry, which is checked: it may be another field's, or gone
}

const (
	// numSeen is how many of the last fields seen are remembered. A power of 2.
	numSeen   = 64
	seenShift = 32 - 6
	waySeen   = 4 // slots of a set

	// shortName is the length of names that are lowered without further memory.
	shortName = 64
)

// hashes is the hash of a whole field, and that of its name.
type hashes struct{ field, name uint32 }

// Init begins a connection. maxTableSize is our own bound on the dynamic table, in bytes as RFC 7541 counts them: 4,096 is usual.
func (e *Encoder) Init(maxTableSize uint32) {
	*e = Encoder{bound: maxTableSize, last: initialSize, least: initialSize}
	e.table.setMax(initialSize)
	e.SetTableSize(initialSize)
}

// SetTableSize takes the peer's SETTINGS_HEADER_TABLE_SIZE. The table uses that much, but never more than our own bound, from the next block
// on, at whose beginning the change is announced.
func (e *Encoder) SetTableSize(n uint32) {
	e.last = min(n, e.bound)
	e.least = min(e.least, e.last)
}

// Begin begins a block: it appends the size updates that are due (RFC 7541, section 4.2). A block that was begun has to be sent.
func (e *Encoder) Begin(dst []byte) []byte {
	if e.least < uint32(e.table.max) && e.least < e.last {
		dst = e.update(dst, e.least)
	}
	if e.last != uint32(e.table.max) {
		dst = e.update(dst, e.last)
	}
	e.least = e.last
	return dst
}

func (e *Encoder) update(dst []byte, size uint32) []byte {
	e.table.setMax(size)
	return appendInt(dst, flagUpdate, maskUpdate, size)
}

// AppendStatus appends the pseudo-header :status.
func (e *Encoder) AppendStatus(dst []byte, status int) []byte {
	switch status {
	case 200:
		return append(dst, flagIndexed|8)
	case 204:
		return append(dst, flagIndexed|9)
	case 206:
		return append(dst, flagIndexed|10)
	case 304:
		return append(dst, flagIndexed|11)
	case 400:
		return append(dst, flagIndexed|12)
	case 404:
		return append(dst, flagIndexed|13)
	case 500:
		return append(dst, flagIndexed|14)
	}
	var digits [20]byte
	return e.append(dst, staticTable[8].name, strconv.AppendInt(digits[:0], int64(status), 10))
}

// AppendField appends a field. name must be in lower case already. sensitive marks it as never to be indexed, here and by whoever passes it on.
func (e *Encoder) AppendField(dst, name, value []byte, sensitive bool) []byte {
	if sensitive {
		h := hash(0, name)
		return e.literal(dst, flagNever, maskLiteral, e.name(h, name), name, value)
	}
	return e.append(dst, name, value)
}

// AppendResponse appends a field whose name may have upper case letters, as in "Content-Type". They are lowered on the way.
func (e *Encoder) AppendResponse(dst, name, value []byte) []byte {
	if len(name) > shortName {
		e.lower = append(e.lower[:0], name...)
		for i, c := range e.lower {
			e.lower[i] = byte(lower(uint64(c)))
		}
		return e.append(dst, e.lower, value)
	}
	var short [shortName]byte
	lowerShort(&short, name)
	return e.append(dst, short[:len(name)], value)
}

// append appends a field by the policy of the encoder.
func (e *Encoder) append(dst, name, value []byte) []byte {
	nh := hash(0, name)
	h := uint32(hash(nh, value) >> 32)
	slot, seen := e.recall(h)
	if seen {
		// perf: the entry's number is remembered; nothing is searched for (BenchmarkEncoder/recurring).
		if i := uint32(uint16(e.table.added) - 1 - e.number[slot]); e.matches(i, h, name, value) {
			return appendInt(dst, flagIndexed, maskIndexed, firstDynamic+i)
		}
	}
	index := staticName(nh, name)
	switch index {
	case 0:
	case indexSetCookie, indexAuthorization, indexProxyAuthorization:
		return e.literal(dst, flagNever, maskLiteral, index, name, value)
	default:
		if i := staticValue(index, name, value); i != 0 {
			return appendInt(dst, flagIndexed, maskIndexed, i)
		}
	}
	if !seen {
		slot = e.remember(slot, h)
	}
	if i, ok := e.find(h, name, value); ok {
		e.number[slot] = uint16(e.table.newest(i))
		return appendInt(dst, flagIndexed, maskIndexed, firstDynamic+i)
	}
	if index == 0 {
		index = e.dynamicName(uint32(nh), name)
	}
	if !seen || entrySize(len(name), len(value)) > e.table.max/2 {
		return e.literal(dst, flagLiteral, maskLiteral, index, name, value)
	}
	dst = e.literal(dst, flagAdd, maskAdd, index, name, value)
	e.add(slot, hashes{h, uint32(nh)}, name, value)
	return dst
}

// recall returns the slot of a hash, and whether it was seen. Four slots are a set, each of which may have it.
func (e *Encoder) recall(h uint32) (slot uint32, seen bool) {
	set := h >> seenShift &^ (waySeen - 1)
	for slot = set; slot < set+waySeen; slot++ {
		if e.seen[slot] == h {
			return slot, true
		}
	}
	return set, false
}

// remember notes a hash in a slot of its set, and returns it. Which one does not follow from the hash, or fields that recur in the same order could push one another out for ever.
func (e *Encoder) remember(set, h uint32) (slot uint32) {
	e.turn++
	slot = set + e.turn&(waySeen-1)
	e.seen[slot] = h
	return slot
}

// name returns an index with that name, or 0.
func (e *Encoder) name(h uint64, name []byte) uint32 {
	if index := staticName(h, name); index != 0 {
		return index
	}
	return e.dynamicName(uint32(h), name)
}

// literal appends a literal field, whose name has the index, or 0.
func (e *Encoder) literal(dst []byte, flag, mask byte, index uint32, name, value []byte) []byte {
	dst = appendInt(dst, flag, mask, index)
	if index == 0 {
		dst = appendString(dst, name)
	}
	return appendString(dst, value)
}

func appendString(dst, s []byte) []byte {
	if n := HuffmanLen(s); n < len(s) {
		return AppendHuffman(appendInt(dst, flagHuffman, maskString, uint32(n)), s)
	}
	return append(appendInt(dst, 0, maskString, uint32(len(s))), s...)
}

// add adds a field to the table, after it was appended: its name may be that of an entry which it evicts.
func (e *Encoder) add(slot uint32, h hashes, name, value []byte) {
	before := len(e.table.entries)
	e.table.add(name, value)
	if grown := e.table.entries; len(grown) != before {
		ring := make([]hashes, len(grown))
		for n := e.table.added - e.table.count; before > 0 && n != e.table.added; n++ {
			ring[n&uint32(len(ring)-1)] = e.hashes[n&uint32(before-1)]
		}
		e.hashes = ring
	}
	number := e.table.newest(0)
	e.hashes[number&uint32(len(e.hashes)-1)] = h
	e.number[slot] = uint16(number)
}

// matches reports whether the i-th newest entry is the field.
func (e *Encoder) matches(i, h uint32, name, value []byte) bool {
	if i >= e.table.count {
		return false
	}
	number := e.table.newest(i)
	if e.hashes[number&uint32(len(e.hashes)-1)].field != h {
		return false
	}
	n, v := e.table.numbered(number)
	return string(n) == string(name) && string(v) == string(value)
}

// find searches the table for the field.
//
// perf: hashes alone, in the order of the slots, which are checked once one is found (BenchmarkEncoderFull).
func (e *Encoder) find(h uint32, name, value []byte) (i uint32, ok bool) {
	for slot := range e.hashes {
		if e.hashes[slot].field != h {
			continue
		}
		if i := e.ago(slot); e.matches(i, h, name, value) {
			return i, true
		}
	}
	return 0, false
}

// dynamicName returns the index of an entry with that name, or 0.
func (e *Encoder) dynamicName(h uint32, name []byte) uint32 {
	for slot := range e.hashes {
		if e.hashes[slot].name != h {
			continue
		}
		i := e.ago(slot)
		if i >= e.table.count {
			continue
		}
		if n, _ := e.table.numbered(e.table.newest(i)); string(n) == string(name) {
			return firstDynamic + i
		}
	}
	return 0
}

// ago returns how many entries were added after the one in that slot. Those that are not live anymore are at least count ago.
func (e *Encoder) ago(slot int) uint32 {
	return (e.table.added - 1 - uint32(slot)) & uint32(len(e.hashes)-1)
}
