package npy_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/sink/npy"
)

// file makes a .npy file with a dictionary as other programs write it.
func file(version byte, dictionary string, values ...float32) []byte {
	b := []byte("\x93NUMPY")
	b = append(b, version, 0)
	if version == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(dictionary)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(dictionary)))
	}
	return npy.AppendFloats(append(b, dictionary...), values)
}

func open(data []byte) (*npy.Reader, error) {
	return npy.NewReader(bytes.NewReader(data), int64(len(data)))
}

func TestRead(t *testing.T) {
	values := []float32{1, 2, 3, 4, 5, 6}
	for name, data := range map[string][]byte{
		"NumPy":        file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          \n", values...),
		"version 2":    file(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", values...),
		"version 3":    file(3, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", values...),
		"other order":  file(1, `{"shape":(2,3),"fortran_order":False,"descr":"<f4"}`, values...),
		"Python 2":     file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L)}", values...),
		"written here": npy.AppendFloats(npy.Header("<f4", 2, 3), values),
	} {
		t.Run(name, func(t *testing.T) {
			r, err := open(data)
			require.NoError(t, err)
			require.Equal(t, []int{2, 3}, r.Dims)
			got := make([]float32, 3)
			require.NoError(t, r.Read(got, 3))
			require.Equal(t, values[3:], got)
			require.ErrorContains(t, r.Read(got, 4), "truncated")
		})
	}
}

func TestHeaderLength(t *testing.T) {
	require.Len(t, npy.Header("<f4", math.MaxInt, 2048, 7, 7), len(npy.Header("<f4", 0, 2048, 7, 7)))
	require.Zero(t, len(npy.Header("<U123", 5))%64)
	require.Contains(t, string(npy.Header("<f4", 5)), "'shape': (5,), }")
}

func TestReadErrors(t *testing.T) {
	head := func(descr, order, shape string) []byte {
		return file(1, "{'descr': "+descr+", 'fortran_order': "+order+", 'shape': "+shape+", }\n", 1, 2, 3, 4)
	}
	for want, data := range map[string][]byte{
		"0 bytes":                               {},
		"not a .npy file":                       []byte("some text in a file"),
		"type is <f8":                           head("'<f8'", "False", "(4,)"),
		"type is >f4":                           head("'>f4'", "False", "(4,)"),
		"type is a structure":                   head("[('x', '<f4')]", "False", "(4,)"),
		"Fortran order":                         head("'<f4'", "True", "(2, 2)"),
		"a single number":                       head("'<f4'", "False", "()"),
		"[5] values of 4 bytes, but 16 bytes":   head("'<f4'", "False", "(5,)"),
		"[3 1] values":                          head("'<f4'", "False", "(3, 1)"),
		"4294967296":                            head("'<f4'", "False", "(4294967296, 4294967297)"),
		"its shape is (99999999999999999999,)":  head("'<f4'", "False", "(99999999999999999999,)"),
		"lacks descr, fortran_order or shape":   head("'<f4'", "False", "(-4,)"),
		"version 9.0":                           file(9, "{}"),
		"a header of 4294967295 bytes":          append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), make([]byte, 99)...),
		"a header of 118 bytes in a file of 60": npy.Header("<f4", 5)[:60],
	} {
		_, err := open(data)
		require.ErrorContains(t, err, want)
	}
	_, err := open(head("'<f8'", "False", "(4,)"))
	require.ErrorContains(t, err, "np.save(f, a.astype('<f4'))")
}

func FuzzReader(f *testing.F) {
	f.Add(npy.AppendFloats(npy.Header("<f4", 2, 3), make([]float32, 6)))
	f.Add(file(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967297), }\n"))
	f.Add([]byte(strings.Repeat("\x93NUMPY", 9)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := open(data)
		if err != nil {
			return
		}
		n := 1
		for _, d := range r.Dims {
			n *= d
		}
		require.LessOrEqual(t, 4*n, len(data))
		require.NoError(t, r.Read(make([]float32, n), 0))
	})
}
