package pipeline

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/sink"
	"github.com/featx-go/featx/source"
)

// worker prepares one item after the other.
type worker struct {
	*run
	decoder *image.Decoder
	input   input
	values  []float32 // of a tensor
}

// work does tasks until there are no more.
func (p *run) work() {
	w := &worker{run: p, decoder: p.x.Decoder()}
	w.decoder.MaxPixels, w.decoder.MaxMemory, w.decoder.ApplyOrientation = p.options.MaxPixels, p.options.MaxMemory, p.options.ApplyOrientation
	for t := range p.tasks {
		start, stats := time.Now(), p.options.Stats
		stats.Waiting.Add(-1)
		stats.Decoding.Add(1)
		n := p.x.InputLen()
		stage, err := w.prepare(t.batch.items[t.place], t.batch.pixels[t.place*n:][:n])
		if err != nil {
			t.batch.failures[t.place] = &sink.Failure{Path: t.batch.items[t.place].Name, Stage: stage, Err: source.Reason(err)}
		}
		t.batch.items[t.place] = source.Item{Name: t.batch.items[t.place].Name} // what it holds is not needed any longer
		stats.Bytes.Add(w.input.bytes)
		stats.Prepared.Since(start)
		stats.Decoding.Add(-1)
		stats.Ready.Add(1)
		t.batch.pending.Done()
	}
}

// prepare writes the network's input to dst. A fault of a decoder stays its own picture's.
func (w *worker) prepare(item source.Item, dst []float32) (stage sink.Stage, err error) {
	stage, w.input = sink.Open, input{}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a fault of the program, please report it with this file: %v", p)
		}
	}()
	switch {
	case item.Err != nil:
		return stage, item.Err
	case item.Tensor != nil:
		if len(w.values) < len(dst) {
			w.values = make([]float32, len(dst))
		}
		stage = sink.Read
		if err := item.Tensor(w.values[:len(dst)]); err != nil {
			return stage, err
		}
		stage = sink.Prepare
		return stage, w.x.PrepareTensor(dst, w.values[:len(dst)])
	}
	r, err := item.Open()
	if err != nil {
		return stage, err
	}
	defer r.Close()
	w.input.r = r
	stage = sink.Decode
	picture, err := w.decoder.Decode(&w.input)
	if w.input.err != nil {
		return sink.Read, w.input.err
	}
	if err != nil {
		return stage, err
	}
	stage = sink.Prepare
	return stage, w.x.PrepareImage(dst, picture)
}

// input tells errors of reading from those of decoding what was read.
type input struct {
	r     io.Reader
	bytes int64
	err   error // but io.EOF
}

func (i *input) Read(b []byte) (int, error) {
	return i.read(i.r.Read(b))
}

func (i *input) read(n int, err error) (int, error) {
	i.bytes += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		i.err = err
	}
	return n, err
}

// Seek and ReadAt are for formats that are not read from their beginning to their end, where the input can do it.
func (i *input) Seek(offset int64, whence int) (int64, error) {
	if s, ok := i.r.(io.Seeker); ok {
		return s.Seek(offset, whence)
	}
	return 0, errors.ErrUnsupported
}

func (i *input) ReadAt(b []byte, at int64) (int, error) {
	r, ok := i.r.(io.ReaderAt)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	n, err := r.ReadAt(b, at)
	return i.read(n, err)
}
