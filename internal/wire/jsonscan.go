package wire

// JSONCursor goes over a JSON text that a parser has accepted, to find where values are. It is not a parser: it stops, with Bad set, where
// the text is none it could be, and never leaves it.
type JSONCursor struct {
	Data []byte
	Pos  int
	Bad  bool
}

// Peek skips white space and returns the byte that comes next, 0 at the end.
func (c *JSONCursor) Peek() byte {
	for c.Pos < len(c.Data) {
		switch b := c.Data[c.Pos]; b {
		case ' ', '\t', '\r', '\n':
			c.Pos++
		default:
			return b
		}
	}
	return 0
}

// Take skips white space and the byte b, which must come next.
func (c *JSONCursor) Take(b byte) {
	if c.Peek() != b {
		c.Bad = true
		return
	}
	c.Pos++
}

// More is asked before each element of an array or object, after its opening bracket was taken: it takes the comma between two elements, or
// the closing bracket.
func (c *JSONCursor) More(first bool, closing byte) bool {
	switch b := c.Peek(); {
	case c.Bad:
		return false
	case b == closing:
		c.Pos++
		return false
	case first && b != 0:
		return true
	case b == ',':
		c.Pos++
		return true
	}
	c.Bad = true
	return false
}

// Skip skips a value and returns it. It may be deep: no stack is used.
func (c *JSONCursor) Skip() []byte {
	c.Peek()
	start, depth := c.Pos, 0
	for c.Pos < len(c.Data) {
		switch c.Data[c.Pos] {
		case '"':
			c.Pos += jsonStringLen(c.Data[c.Pos:])
		case '[', '{':
			c.Pos++
			depth++
			continue
		case ']', '}':
			if depth == 0 {
				return c.token(start)
			}
			c.Pos++
			depth--
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return c.token(start)
			}
			c.Pos++
			continue
		default:
			c.skipBare()
		}
		if depth == 0 {
			break
		}
	}
	return c.token(start)
}

// skipBare skips a number or a name.
func (c *JSONCursor) skipBare() {
	for c.Pos < len(c.Data) {
		switch c.Data[c.Pos] {
		case ',', ':', ']', '}', '[', '{', '"', ' ', '\t', '\r', '\n':
			return
		}
		c.Pos++
	}
}

func (c *JSONCursor) token(start int) []byte {
	if c.Pos == start {
		c.Bad = true
	}
	return c.Data[start:c.Pos]
}

// Name takes the name of a member and the colon behind it. It is raw, without its quotes; escaped tells that it has a backslash.
func (c *JSONCursor) Name() (name []byte, escaped bool) {
	if c.Peek() != '"' {
		c.Bad = true
		return nil, false
	}
	n := jsonStringLen(c.Data[c.Pos:])
	raw := c.Data[c.Pos : c.Pos+n]
	c.Pos += n
	c.Take(':')
	if n < 2 {
		c.Bad = true
		return nil, false
	}
	name = raw[1 : n-1]
	for _, b := range name {
		if b == '\\' {
			return name, true
		}
	}
	return name, false
}
