package torch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// What a pickle can build, beside nil, bool, int64, float64 and string.
type (
	tuple []any
	list  struct{ items []any }
	dict  struct{ items []item } // in order; a repeated key is there twice
	item  struct{ key, value any }
	long  string // a number of more than 64 bits: its bytes, lowest first
	// global is a name out of globals.go, such as "torch.FloatStorage".
	global string
	// opaque is an object that cannot matter to the weights, such as the options of a training run.
	opaque struct{}
)

// maxSteps bounds the memory that a pickle can ask for, about 100 bytes a step. A tensor takes about 40, so this is enough for 100,000 of them.
const maxSteps = 1 << 22

// machine runs one pickle. Opcodes and their names: CPython's Lib/pickletools.py. Protocol 0 and 1's text opcodes are not read: torch.save does not write them.
type machine struct {
	data  []byte
	pos   int
	stack []any
	marks []int // stack heights
	memo  map[uint32]any
	steps int

	// persistent resolves a persistent id, which is how torch refers to storages.
	persistent func(id any) (any, error)
}

var errTruncated = errors.New("the pickle ends too soon")

// unpickle reads the pickle at the beginning of data and gives its value and length.
func unpickle(data []byte, persistent func(id any) (any, error)) (value any, n int, err error) {
	m := &machine{data: data, memo: map[uint32]any{}, persistent: persistent}
	for {
		at := m.pos
		op, err := m.bytes(1)
		if err != nil {
			return nil, 0, err
		}
		if op[0] == '.' { // STOP
			value, err := m.pop()
			return value, m.pos, err
		}
		if m.steps++; m.steps > maxSteps {
			return nil, 0, fmt.Errorf("the pickle is too long for a state_dict (more than %d steps); %s", maxSteps, saveHint)
		}
		if err := m.step(op[0]); err != nil {
			return nil, 0, fmt.Errorf("pickle, byte %d: %w", at, err)
		}
	}
}

func (m *machine) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		_, err := m.bytes(1)
		return err
	case 0x95: // FRAME
		_, err := m.bytes(8)
		return err

	case '(': // MARK
		m.marks = append(m.marks, len(m.stack))
	case '0': // POP
		_, err := m.pop()
		return err
	case '1': // POP_MARK
		_, err := m.popMark()
		return err

	case 'N': // NONE
		m.push(nil)
	case 0x88: // NEWTRUE
		m.push(true)
	case 0x89: // NEWFALSE
		m.push(false)
	case 'K': // BININT1
		return m.number(1)
	case 'M': // BININT2
		return m.number(2)
	case 'J': // BININT
		b, err := m.bytes(4)
		if err != nil {
			return err
		}
		m.push(int64(int32(binary.LittleEndian.Uint32(b))))
	case 0x8a: // LONG1
		return m.sized(1, pushLong)
	case 0x8b: // LONG4
		return m.sized(4, pushLong)
	case 'G': // BINFLOAT
		b, err := m.bytes(8)
		if err != nil {
			return err
		}
		m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	case 0x8c, 'U', 'C': // SHORT_BINUNICODE, SHORT_BINSTRING, SHORT_BINBYTES
		return m.sized(1, pushString)
	case 'X', 'T', 'B': // BINUNICODE, BINSTRING, BINBYTES
		return m.sized(4, pushString)
	case 0x8d, 0x8e, 0x96: // BINUNICODE8, BINBYTES8, BYTEARRAY8
		return m.sized(8, pushString)

	case ')': // EMPTY_TUPLE
		m.push(tuple(nil))
	case 0x85, 0x86, 0x87: // TUPLE1, TUPLE2, TUPLE3
		n := int(op) - 0x84
		if len(m.stack)-m.base() < n {
			return errUnderflow
		}
		t := append(tuple(nil), m.stack[len(m.stack)-n:]...)
		m.stack = m.stack[:len(m.stack)-n]
		m.push(t)
	case 't': // TUPLE
		items, err := m.popMark()
		if err != nil {
			return err
		}
		m.push(append(tuple(nil), items...))
	case ']': // EMPTY_LIST
		m.push(&list{})
	case 'l': // LIST
		items, err := m.popMark()
		if err != nil {
			return err
		}
		m.push(&list{append([]any(nil), items...)})
	case '}': // EMPTY_DICT
		m.push(&dict{})
	case 'd': // DICT
		items, err := m.popMark()
		if err != nil {
			return err
		}
		d := &dict{}
		m.push(d)
		return setItems(d, items)
	case 0x8f: // EMPTY_SET
		m.push(opaque{})

	case 'a': // APPEND
		v, err := m.pop()
		if err != nil {
			return err
		}
		return m.extend([]any{v})
	case 'e', 0x90: // APPENDS, ADDITEMS
		items, err := m.popMark()
		if err != nil {
			return err
		}
		return m.extend(items)
	case 's': // SETITEM
		v, err := m.pop()
		if err != nil {
			return err
		}
		k, err := m.pop()
		if err != nil {
			return err
		}
		return m.set([]any{k, v})
	case 'u': // SETITEMS
		items, err := m.popMark()
		if err != nil {
			return err
		}
		return m.set(items)

	case 'q': // BINPUT
		return m.put(1)
	case 'r': // LONG_BINPUT
		return m.put(4)
	case 0x94: // MEMOIZE
		v, err := m.top()
		if err != nil {
			return err
		}
		m.memo[uint32(len(m.memo))] = v
	case 'h': // BINGET
		return m.get(1)
	case 'j': // LONG_BINGET
		return m.get(4)

	case 'c': // GLOBAL
		return m.global()
	case 0x93: // STACK_GLOBAL
		name, err := m.pop()
		if err != nil {
			return err
		}
		module, err := m.pop()
		if err != nil {
			return err
		}
		moduleText, ok1 := module.(string)
		nameText, ok2 := name.(string)
		if !ok1 || !ok2 {
			return errors.New("a global whose name is no string; the file is damaged")
		}
		return m.name(moduleText, nameText)
	case 'i': // INST: GLOBAL and REDUCE in one
		if err := m.global(); err != nil {
			return err
		}
		return errors.New("opcode INST is not supported; " + saveHint)
	case 'R', 0x81: // REDUCE, NEWOBJ
		args, err := m.pop()
		if err != nil {
			return err
		}
		f, err := m.pop()
		if err != nil {
			return err
		}
		v, err := m.call(f, args)
		if err != nil {
			return err
		}
		m.push(v)
	case 0x92: // NEWOBJ_EX: keyword arguments
		if _, err := m.pop(); err != nil {
			return err
		}
		return m.step(0x81)
	case 'b': // BUILD: attributes, such as an OrderedDict's _metadata, which hold no weights
		if _, err := m.pop(); err != nil {
			return err
		}
		_, err := m.top()
		return err
	case 'Q': // BINPERSID
		id, err := m.pop()
		if err != nil {
			return err
		}
		if m.persistent == nil {
			return errors.New("a reference to a storage where none can be")
		}
		v, err := m.persistent(id)
		if err != nil {
			return err
		}
		m.push(v)
	default:
		return fmt.Errorf("opcode 0x%02x is none that torch.save writes; the file is damaged, or no checkpoint", op)
	}
	return nil
}

var errUnderflow = errors.New("a value is missing on the stack; the file is damaged")

// base is the height below which a value belongs to an open mark.
func (m *machine) base() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

func (m *machine) push(v any) { m.stack = append(m.stack, v) }

func (m *machine) top() (any, error) {
	if len(m.stack) <= m.base() {
		return nil, errUnderflow
	}
	return m.stack[len(m.stack)-1], nil
}

func (m *machine) pop() (any, error) {
	v, err := m.top()
	if err == nil {
		m.stack = m.stack[:len(m.stack)-1]
	}
	return v, err
}

// popMark takes what was pushed since the last mark; it is valid until the next push.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, errors.New("a mark is missing on the stack; the file is damaged")
	}
	at := m.base()
	items := m.stack[at:]
	m.stack, m.marks = m.stack[:at], m.marks[:len(m.marks)-1]
	return items, nil
}

// bytes takes n bytes of the pickle.
func (m *machine) bytes(n uint64) ([]byte, error) {
	if n > uint64(len(m.data)-m.pos) {
		return nil, errTruncated
	}
	b := m.data[m.pos : m.pos+int(n)]
	m.pos += int(n)
	return b, nil
}

// unsigned reads a little-endian number of width bytes.
func (m *machine) unsigned(width int) (uint64, error) {
	b, err := m.bytes(uint64(width))
	if err != nil {
		return 0, err
	}
	var buf [8]byte
	copy(buf[:], b)
	return binary.LittleEndian.Uint64(buf[:]), nil
}

func (m *machine) number(width int) error {
	n, err := m.unsigned(width)
	m.push(int64(n))
	return err
}

// sized reads a length of width bytes and that many bytes after it.
func (m *machine) sized(width int, push func(m *machine, b []byte)) error {
	n, err := m.unsigned(width)
	if err != nil {
		return err
	}
	b, err := m.bytes(n)
	if err == nil {
		push(m, b)
	}
	return err
}

func pushString(m *machine, b []byte) { m.push(string(b)) }

// pushLong pushes a two's complement number.
func pushLong(m *machine, b []byte) {
	if len(b) > 8 {
		m.push(long(b))
		return
	}
	var v int64
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | int64(b[i])
	}
	unused := 64 - 8*len(b)
	m.push(v << unused >> unused)
}

func (m *machine) put(width int) error {
	i, err := m.unsigned(width)
	if err != nil {
		return err
	}
	m.memo[uint32(i)], err = m.top()
	return err
}

func (m *machine) get(width int) error {
	i, err := m.unsigned(width)
	if err != nil {
		return err
	}
	v, ok := m.memo[uint32(i)]
	if !ok {
		return fmt.Errorf("value %d was never memorised; the file is damaged", i)
	}
	m.push(v)
	return nil
}

// extend appends to the list on top of the stack.
func (m *machine) extend(items []any) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case *list:
		v.items = append(v.items, items...)
	case opaque:
	default:
		return fmt.Errorf("cannot append to a %s; the file is damaged", kind(v))
	}
	return nil
}

// set adds keys and values in turn to the dictionary on top of the stack.
func (m *machine) set(items []any) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case *dict:
		return setItems(v, items)
	case opaque:
		return nil
	}
	return fmt.Errorf("cannot set items of a %s; the file is damaged", kind(v))
}

func setItems(d *dict, items []any) error {
	if len(items)%2 != 0 {
		return errUnderflow
	}
	for i := 0; i < len(items); i += 2 {
		d.items = append(d.items, item{items[i], items[i+1]})
	}
	return nil
}

// global reads a module's name and a name in it, a line each.
func (m *machine) global() error {
	var lines [2]string
	for i := range lines {
		n := bytes.IndexByte(m.data[m.pos:], '\n')
		if n < 0 {
			return errTruncated
		}
		b, _ := m.bytes(uint64(n + 1))
		lines[i] = string(b[:n])
	}
	return m.name(lines[0], lines[1])
}

// name pushes a global that is allowed.
func (m *machine) name(module, name string) error {
	g := global(module + "." + name)
	if !g.allowed() {
		return &RefusedError{Global: string(g)}
	}
	m.push(g)
	return nil
}

// kind is a value's type for messages.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case tuple:
		return "tuple"
	case *list:
		return "list"
	case *dict:
		return "dictionary"
	case *Tensor:
		return "tensor"
	case *storage:
		return "storage"
	case global:
		return string(v)
	case opaque:
		return "object"
	default:
		return fmt.Sprintf("%T", v)
	}
}
