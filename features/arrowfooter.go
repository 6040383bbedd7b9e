//go:build !minimal

package features

import (
	"encoding/binary"
	"errors"
	"fmt"

	flatbuffers "github.com/google/flatbuffers/go"
)

// Where the vectors are in the tables of Arrow's Footer, Schema and Field (https://github.com/apache/arrow/tree/main/format, File.fbs and Schema.fbs): 4 + 2 x the
// field's number.
const (
	footerSchema, footerDictionaries, footerBatches, footerMetadata = 6, 8, 10, 12
	schemaFields, schemaMetadata                                    = 6, 8
	fieldChildren, fieldMetadata                                    = 14, 16
)

// checkFooter compares the lengths of the footer's vectors with what it has. The library takes memory for them as they claim. It may panic.
func checkFooter(data []byte) error {
	const magic = "ARROW1"
	end := len(data) - len(magic) - 4
	if end < len(magic) || string(data[:len(magic)]) != magic || string(data[end+4:]) != magic {
		return errors.New("is no Arrow IPC file, or a truncated one")
	}
	size := binary.LittleEndian.Uint32(data[end:])
	if uint64(size) > uint64(end-len(magic)) {
		return fmt.Errorf("truncated or damaged: a footer of %d bytes", size)
	}
	b := data[end-int(size) : end]
	footer := &flatbuffers.Table{Bytes: b, Pos: flatbuffers.GetUOffsetT(b)}
	if err := checkVectors(footer, footerDictionaries, footerBatches, footerMetadata); err != nil {
		return err
	}
	o := footer.Offset(footerSchema)
	if o == 0 {
		return errors.New("damaged: a footer without schema")
	}
	schema := &flatbuffers.Table{Bytes: b, Pos: footer.Indirect(flatbuffers.UOffsetT(o) + footer.Pos)}
	if err := checkVectors(schema, schemaFields, schemaMetadata); err != nil {
		return err
	}
	left := maxList
	return checkFields(schema, schemaFields, &left)
}

func checkVectors(t *flatbuffers.Table, slots ...flatbuffers.VOffsetT) error {
	for _, slot := range slots {
		if o := t.Offset(slot); o != 0 {
			if n := t.VectorLen(flatbuffers.UOffsetT(o)); n < 0 || n > len(t.Bytes)/4 {
				return fmt.Errorf("damaged: %d entries in a footer of %d bytes", n, len(t.Bytes))
			}
		}
	}
	return nil
}

// checkFields goes through fields and those in them, at most left of them.
func checkFields(t *flatbuffers.Table, slot flatbuffers.VOffsetT, left *int) error {
	o := t.Offset(slot)
	if o == 0 {
		return nil
	}
	first := t.Vector(flatbuffers.UOffsetT(o))
	for i := range t.VectorLen(flatbuffers.UOffsetT(o)) {
		if *left--; *left < 0 {
			return fmt.Errorf("more than %d columns", maxList)
		}
		f := &flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(first + flatbuffers.UOffsetT(4*i))}
		if err := checkVectors(f, fieldChildren, fieldMetadata); err != nil {
			return err
		}
		if err := checkFields(f, fieldChildren, left); err != nil {
			return err
		}
	}
	return nil
}
