package weights

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/x448/float16"

	"github.com/featx-go/featx/engine"
)

// Weight gives the tensor for the engine: F32 and F16 as they are, BF16 widened exactly, F64 rounded to F32. Other types, and
// finite values beyond float32, are errors that name the tensor.
func (t Tensor) Weight() (engine.Weight, error) {
	switch t.DType {
	case F32, F16:
		return engine.Weight{DType: engine.DType(t.DType), Shape: t.Shape, Data: t.Data}, nil
	}
	values, err := t.Float64s()
	if err != nil {
		return engine.Weight{}, err
	}
	data := make([]byte, 4*len(values))
	for i, v := range values {
		f := float32(v)
		if math.IsInf(float64(f), 0) && !math.IsInf(v, 0) {
			return engine.Weight{}, fmt.Errorf("tensor %.100q: value %d is %g, which float32 cannot hold", t.Name, i, v)
		}
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(f))
	}
	return engine.Weight{DType: engine.F32, Shape: t.Shape, Data: data}, nil
}

// Float64s gives the values of a F16, BF16, F32 or F64 tensor, exactly.
func (t Tensor) Float64s() ([]float64, error) {
	if !t.DType.IsFloat() {
		return nil, fmt.Errorf("tensor %.100q is %s: only F32, F16, BF16 and F64 can be read", t.Name, t.DType)
	}
	size := dtypeBits[t.DType] / 8
	out := make([]float64, len(t.Data)/size)
	for i := range out {
		b := t.Data[i*size:]
		switch t.DType {
		case F16:
			out[i] = float64(float16.Frombits(binary.LittleEndian.Uint16(b)).Float32())
		case BF16:
			out[i] = float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16))
		case F32:
			out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
		case F64:
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(b))
		}
	}
	return out, nil
}
