package pca

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/featx-go/featx/internal/atomicfile"
	"github.com/featx-go/featx/weights"
)

// Names in the file. Tensors are float64 from this package, and any floating-point type from others.
const (
	meanTensor       = "mean"                     // [dims]
	componentsTensor = "components"               // [n, dims]
	varianceTensor   = "explained_variance"       // [n]; needed only by whitening
	ratioTensor      = "explained_variance_ratio" // [n]; not needed

	whitenKey = "whiten" // "true" or "false", as the next; without them false
	l2Key     = "l2"
	fittedKey = "featx.pca" // Fitted as JSON; not needed
)

// Ending is that of the files.
const Ending = ".safetensors"

// Open reads a file. Errors name it.
func Open(path string) (*PCA, error) {
	data, release, err := weights.MapFile(path)
	if err != nil {
		return nil, err
	}
	defer release()
	p, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// Parse reads a file's bytes, and keeps none of them.
func Parse(data []byte) (*PCA, error) {
	c, err := weights.ParseSafetensors(data)
	if err != nil {
		return nil, err
	}
	tensors := map[string]weights.Tensor{}
	for _, t := range c.Tensors {
		tensors[t.Name] = t
	}
	sum := sha256.Sum256(data)
	p := &PCA{SHA256: hex.EncodeToString(sum[:])}
	if p.Whiten, err = flag(c.Metadata, whitenKey); err != nil {
		return nil, err
	}
	if p.L2, err = flag(c.Metadata, l2Key); err != nil {
		return nil, err
	}
	if text, ok := c.Metadata[fittedKey]; ok {
		if err := json.Unmarshal([]byte(text), &p.Fitted); err != nil {
			return nil, fmt.Errorf("metadata: %s: %w", fittedKey, err)
		}
	}
	mean, ok := tensors[meanTensor]
	components, both := tensors[componentsTensor]
	if !ok || !both {
		return nil, fmt.Errorf("this is no PCA: it needs the tensors %q [dims] and %q [n, dims]", meanTensor, componentsTensor)
	}
	if len(mean.Shape) != 1 || len(components.Shape) != 2 || components.Shape[1] != mean.Shape[0] || components.Shape[0] < 1 || mean.Shape[0] < 1 {
		return nil, fmt.Errorf("%s is %v and %s %v: want [dims] and [n, dims]", meanTensor, mean.Shape, componentsTensor, components.Shape)
	}
	n := components.Shape[0]
	if n > MaxDims || mean.Shape[0] > MaxDims {
		return nil, fmt.Errorf("%d components of %d values: at most %d of each are possible", n, mean.Shape[0], MaxDims)
	}
	if p.Mean, err = mean.Float64s(); err != nil {
		return nil, err
	}
	if p.Components, err = components.Float64s(); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		name   string
		values *[]float64
	}{{varianceTensor, &p.Variance}, {ratioTensor, &p.Ratio}} {
		t, ok := tensors[part.name]
		if !ok {
			continue
		}
		if len(t.Shape) != 1 || t.Shape[0] != n {
			return nil, fmt.Errorf("%s is %v: want [%d], one for each component", part.name, t.Shape, n)
		}
		if *part.values, err = t.Float64s(); err != nil {
			return nil, err
		}
	}
	return p, p.prepare()
}

// flag reads "true" or "false", or as Python writes them; what is not there is false.
func flag(metadata map[string]string, key string) (bool, error) {
	text, ok := metadata[key]
	if !ok {
		return false, nil
	}
	is, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("metadata: %s is %.20q, neither true nor false", key, text)
	}
	return is, nil
}

// Write writes the file, which is there as a whole or not at all. The same PCA gives the same bytes. Errors name the file.
func (p *PCA) Write(ctx context.Context, path string) error {
	err := p.write(ctx, path)
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%s: not written: %w", path, atomicfile.Cause(err))
}

func (p *PCA) write(ctx context.Context, path string) error {
	fitted, err := json.Marshal(p.Fitted)
	if err != nil {
		return err
	}
	metadata := map[string]string{whitenKey: strconv.FormatBool(p.Whiten), l2Key: strconv.FormatBool(p.L2), fittedKey: string(fitted)}
	tensors := []weights.Tensor{
		tensor(meanTensor, []int{p.Dims()}, p.Mean), tensor(componentsTensor, []int{p.N(), p.Dims()}, p.Components),
	}
	if p.Variance != nil {
		tensors = append(tensors, tensor(varianceTensor, []int{p.N()}, p.Variance))
	}
	if p.Ratio != nil {
		tensors = append(tensors, tensor(ratioTensor, []int{p.N()}, p.Ratio))
	}
	f, err := atomicfile.Create(ctx, path)
	if err != nil {
		return err
	}
	defer f.Abort()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := weights.WriteSafetensors(w, metadata, tensors, nil); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Commit()
}

func tensor(name string, shape []int, values []float64) weights.Tensor {
	data := make([]byte, 8*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint64(data[8*i:], math.Float64bits(v))
	}
	return weights.Tensor{Name: name, DType: weights.F64, Shape: shape, Data: data}
}
