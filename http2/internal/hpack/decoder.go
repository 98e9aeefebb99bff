package hpack

import (
	"sync"
)

// maxUpdates is how many size updates may begin a block (RFC 7541, section 4.2).
const maxUpdates = 2

// Decoder decodes the header blocks of one connection, in order. It is not for concurrent use. It allocates nothing once its table has grown,
// and holds no more than its dynamic table: what a Huffman string decodes to is borrowed from a pool for the time of a block.
type Decoder struct {
	table   table
	limit   uint32   // of size updates
	strings *strings // of the field being decoded; nil between blocks, and before a block needs it
}

// Init begins a connection. maxTableSize is what our SETTINGS_HEADER_TABLE_SIZE says, in bytes as RFC 7541 counts them: the most that a size
// update may ask for. The table begins with 4,096 bytes whatever that is, because the peer may encode before it knows our settings, and has to
// announce every change of the size (RFC 7541, section 4.2).
func (d *Decoder) Init(maxTableSize uint32) {
	*d = Decoder{limit: maxTableSize}
	d.table.setMax(initialSize)
}

// Bytes returns how much memory the decoder holds, besides itself.
func (d *Decoder) Bytes() int {
	const entryBytes = 12
	return cap(d.table.bytes) + cap(d.table.entries)*entryBytes
}

// Decode decodes a whole header block, and calls emit for every field, in order. sensitive is true for a field that is never to be indexed
// (RFC 7541, section 6.2.3); whoever passes it on has to keep that. name is as it was sent: nothing is said about its case or its bytes.
//
// name and value lie in block, in one of the tables, or in borrowed memory: they are valid until emit returns, must not be written to, and
// block must not change before Decode returns. emit must not call the decoder.
//
// An error of emit is returned at the end. The rest of the block is decoded without further calls, since the dynamic table must stay in step
// with the peer's; the connection can go on. An error that wraps [ErrCompression] goes before it: it is fatal for the connection, whose
// decoder is of no further use.
func (d *Decoder) Decode(block []byte, emit func(name, value []byte, sensitive bool) error) error {
	block, err := d.updates(block)
	if err != nil {
		return err
	}
	var stop error
	for len(block) > 0 {
		var name, value []byte
		kind := block[0]
		if kind&0x80 != 0 {
			name, value, block, err = d.indexed(block)
		} else {
			name, value, block, err = d.literal(block)
		}
		if err != nil {
			break
		}
		if stop == nil {
			stop = emit(name, value, kind&0xf0 == flagNever)
		}
	}
	d.release()
	if err != nil {
		return err
	}
	return stop
}

// updates takes the size updates at the beginning of a block.
func (d *Decoder) updates(block []byte) ([]byte, error) {
	for range maxUpdates {
		if len(block) == 0 || block[0]&0xe0 != flagUpdate {
			return block, nil
		}
		size, rest, err := readInt(block, maskUpdate)
		switch {
		case err != nil:
			return nil, err
		case size > d.limit:
			return nil, errTableSize
		}
		d.table.setMax(size)
		block = rest
	}
	return block, nil
}

// indexed reads a field that is in one of the tables (RFC 7541, section 6.1).
func (d *Decoder) indexed(block []byte) (name, value, rest []byte, err error) {
	index, rest, err := readInt(block, maskIndexed)
	if err != nil {
		return nil, nil, nil, err
	}
	name, value, err = d.at(index)
	return name, value, rest, err
}

// at returns the field with that index (RFC 7541, section 2.3.3).
func (d *Decoder) at(index uint32) (name, value []byte, err error) {
	if index-1 < firstDynamic-1 { // 0 wraps
		f := &staticTable[index]
		return f.name, f.value, nil
	}
	i := index - firstDynamic
	if index == 0 || i >= d.table.count {
		return nil, nil, errIndex
	}
	name, value = d.table.numbered(d.table.newest(i))
	return name, value, nil
}

// literal reads a field whose value, at least, is in the block (RFC 7541, section 6.2), and adds it to the table if it says so.
func (d *Decoder) literal(block []byte) (name, value, rest []byte, err error) {
	add, mask := false, byte(maskLiteral)
	switch kind := block[0]; {
	case kind&0xc0 == flagAdd:
		add, mask = true, maskAdd
	case kind&0xe0 == flagUpdate:
		return nil, nil, nil, errUpdate
	}
	index, rest, err := readInt(block, mask)
	if err != nil {
		return nil, nil, nil, err
	}
	if d.strings != nil {
		d.strings.b = d.strings.b[:0]
	}
	if index == 0 {
		name, rest, err = d.string(rest)
	} else {
		name, _, err = d.at(index)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	value, rest, err = d.string(rest)
	if err != nil || !add {
		return name, value, rest, err
	}
	if index >= firstDynamic {
		name = d.keep(name) // adding moves and overwrites what is in the table
	}
	d.table.add(name, value)
	return name, value, rest, nil
}

// string reads a string (RFC 7541, section 5.2).
func (d *Decoder) string(block []byte) (s, rest []byte, err error) {
	if len(block) == 0 {
		return nil, nil, errTruncated
	}
	huffman := block[0]&flagHuffman != 0
	n, rest, err := readInt(block, maskString)
	switch {
	case err != nil:
		return nil, nil, err
	case uint64(n) > uint64(len(rest)):
		return nil, nil, errString
	}
	s, rest = rest[:n:n], rest[n:]
	if !huffman {
		return s, rest, nil
	}
	b := d.borrow()
	begin := len(b.b)
	b.b, err = appendDecoded(b.b, s)
	return b.b[begin:len(b.b):len(b.b)], rest, err
}

// keep copies s to where it stays until the next field.
func (d *Decoder) keep(s []byte) []byte {
	b := d.borrow()
	begin := len(b.b)
	b.b = append(b.b, s...)
	return b.b[begin:]
}

// strings is the memory for what the strings of one field decode to.
type strings struct{ b []byte }

// maxPooled keeps what a single large block needed out of the pool.
const maxPooled = 64 << 10

var stringsPool = sync.Pool{New: func() any { return &strings{b: make([]byte, 0, 1024)} }}

func (d *Decoder) borrow() *strings {
	if d.strings == nil {
		d.strings = stringsPool.Get().(*strings)
		d.strings.b = d.strings.b[:0]
	}
	return d.strings
}

func (d *Decoder) release() {
	if d.strings == nil {
		return
	}
	if cap(d.strings.b) <= maxPooled {
		stringsPool.Put(d.strings)
	}
	d.strings = nil
}
