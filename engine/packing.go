package engine

import (
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/featx-go/featx/kernels"
)

// packing fills the weights of a runner, in the order in which its steps need them. Goroutines pack while the first steps run already; a step whose weights are
// not there yet helps to pack. Behind it the source may let go of what has been read.
type packing struct {
	isa     kernels.ISA
	layout  Layout
	release func(data []byte) // nil: the source holds what it gives
	jobs    []packJob
	next    atomic.Int64   // job
	busy    sync.WaitGroup // goroutines of its own
	failed  chan struct{}  // closed when fault is set
	fault   *Fault
	faulty  sync.Once
}

// packJob is one panel, or all of a depthwise convolution's weights.
type packJob struct {
	weights *packedWeights
	panel   int
}

// startPacking begins to fill those of the weights that nobody has begun with.
func (m *Model) startPacking(list []stepWeights) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := &packing{isa: m.isa, layout: m.graph.Layout, failed: make(chan struct{})}
	if r, ok := m.source.(Releaser); ok {
		p.release = r.Release
	}
	floats := 0
	for _, w := range list {
		if w.packing != nil {
			continue
		}
		w.packing = p
		floats += w.lines()
		w.left.Store(int32(max(1, len(w.panels))))
		for i := range max(1, len(w.panels)) {
			p.jobs = append(p.jobs, packJob{w.packedWeights, i})
		}
	}
	if len(p.jobs) == 0 {
		return
	}
	// One piece of memory for all, so that the small ones lie in large pages too. It goes with the packing, which all the weights point at.
	memory, mapped := mapFloats(floats)
	if mapped != nil {
		runtime.AddCleanup(p, unmap, mapped)
	}
	for _, j := range p.jobs {
		w := j.weights
		if w.data != nil || w.half != nil {
			continue
		}
		if w.f16 {
			w.half = unsafe.Slice((*uint16)(unsafe.Pointer(&memory[0])), w.values)
		} else {
			w.data = memory[:w.values:w.values]
		}
		memory = memory[w.lines():]
	}
	// The caller packs too as soon as it needs something.
	for range min(runtime.GOMAXPROCS(0)-1, len(p.jobs)) {
		p.busy.Go(func() {
			var k packer
			for p.one(&k) {
			}
		})
	}
}

// lines is the floats of memory that the weights take, in whole cache lines.
func (w *packedWeights) lines() int { return roundUp((w.values*w.valueBytes()+3)/4, lineFloats) }

// wait returns when the weights are packed, or with the panic that kept others from being packed.
func (w *packedWeights) wait() *Fault {
	// Not left: the last panel's goroutine may still be releasing the tensor's pages, and the file may be closed after this.
	select {
	case <-w.ready:
		return nil
	default:
	}
	for k := new(packer); w.left.Load() > 0 && w.packing.one(k); {
	}
	select {
	case <-w.ready:
		return nil
	case <-w.packing.failed:
		w.packing.busy.Wait() // others read the source still, which may be closed after this
		return w.packing.fault
	}
}

// one packs the next panel, if there is one.
func (p *packing) one(k *packer) bool {
	defer p.recovered()
	i := int(p.next.Add(1)) - 1
	if i >= len(p.jobs) {
		return false
	}
	w := p.jobs[i].weights
	tensor := w.tensor()
	release := p.release
	if w.turned {
		release = nil
	}
	if w.algorithm.method == depthwise {
		packDepthwise(w.data, tensor, p.layout, w.kernel)
	} else {
		panel := w.panels[p.jobs[i].panel]
		k.pack(p, w, panel, tensor)
		if rows := tensor.rows(panel, w.kernel); release != nil && p.layout == NCHW && len(rows) >= releaseBytes {
			release(rows)
		}
	}
	if w.left.Add(-1) == 0 {
		if release != nil {
			release(tensor.Data)
		}
		close(w.ready)
	}
	return true
}

// recovered keeps a panic for those who wait.
func (p *packing) recovered() {
	if v := recover(); v != nil {
		p.faulty.Do(func() {
			p.fault = newFault(v)
			close(p.failed)
		})
	}
}

// releaseBytes is when the rows of a single panel are worth being released, before all of a tensor is packed.
const releaseBytes = 256 << 10

// unreleased is how much of the tensor is in memory at most until it is released.
func (w *packedWeights) unreleased(tensor Weight, layout Layout) int64 {
	bytes := int64(tensor.Elements()) * int64(tensor.DType.Size())
	if panels := int64(len(w.panels)); layout == NCHW && panels > 0 && bytes/panels >= releaseBytes {
		return bytes / panels
	}
	return bytes
}

// rows is where a panel's weights lie in an [outC][..] tensor.
func (w Weight) rows(p panel, s kernelShape) []byte {
	row := s.kh * s.kw * s.cin * w.DType.Size()
	return w.Data[p.outC*row : (p.outC+p.cols)*row]
}

// packer is what one thread packs with.
type packer struct {
	filters   *kernels.WinogradFilters
	filtersOf packedFilters
	taps      []float32 // of some channels of a panel, [channels][taps][NR]
	off       []int64   // where the values of a row go
	offOf     *packedWeights
	offNR     int
}

// packedFilters is what the transformation of filters depends on.
type packedFilters struct {
	algorithm
	nr int
}

func (k *packer) pack(p *packing, w *packedWeights, at panel, tensor Weight) {
	switch {
	case w.algorithm.method == winograd:
		k.packWinograd(p, w.data[at.offset:][:w.k*at.nr], w, at, tensor)
	case p.layout == NHWC: // [kh][kw][cin][outC], dense weights [H*W*C][out]
		for i := range w.k {
			from, to := i*w.kernel.outC+at.outC, at.offset+i*at.nr
			if !w.f16 {
				tensor.widen(p.isa, w.data[to:][:at.cols], from)
				continue
			}
			for col := range w.half[to:][:at.cols] {
				w.half[to+col] = binary.LittleEndian.Uint16(tensor.Data[2*(from+col):])
			}
		}
	default: // [outC][cin][kh][kw], dense weights [out][C*H*W]
		if k.offOf != w || k.offNR != at.nr {
			k.offOf, k.offNR, k.off = w, at.nr, k.off[:0]
			taps := w.kernel.kh * w.kernel.kw
			for c := range w.kernel.cin {
				for tap := range taps {
					k.off = append(k.off, int64((tap*w.kernel.cin+c)*at.nr*w.valueBytes()))
				}
			}
		}
		k.transpose(p, w.at(at.offset), tensor.rows(at, w.kernel), len(tensor.rows(at, w.kernel))/at.cols, w.k, at, tensor.DType, w.f16)
	}
}

// transpose packs n values of each row, at the offsets of off.
func (k *packer) transpose(p *packing, dst unsafe.Pointer, rows []byte, stride, n int, at panel, from DType, toF16 bool) {
	p.isa.Pack(&kernels.PanelPart{
		Src: unsafe.Pointer(&rows[0]), SrcStride: stride, N: n, Cols: at.cols, Dst: dst, Off: &k.off[0], SrcF16: from == F16, DstF16: toF16,
	})
}

// filterChannels is how many channels' filters are transformed at a time.
const filterChannels = 32

// packWinograd packs a panel as [frequencies][cin][NR]: frequencies take the place of taps.
func (k *packer) packWinograd(p *packing, dst []float32, w *packedWeights, at panel, tensor Weight) {
	cin, taps := w.kernel.cin, w.kernel.kh*w.kernel.kw
	if of := (packedFilters{w.algorithm, at.nr}); k.filtersOf != of {
		k.filtersOf = of
		k.filters = kernels.NewWinogradFilters(of.y, of.x, at.nr)
		k.taps = make([]float32, filterChannels*taps*at.nr)
	}
	k.offOf, k.off = nil, k.off[:0]
	for i := range filterChannels * taps {
		k.off = append(k.off, int64(i*at.nr)*4)
	}
	if at.cols < at.nr {
		clear(k.taps)
	}
	for c := 0; c < cin; c += filterChannels {
		channels := min(filterChannels, cin-c)
		if p.layout == NHWC {
			for i := range channels * taps {
				tensor.widen(p.isa, k.taps[i*at.nr:][:at.cols], (i%taps*cin+c+i/taps)*w.kernel.outC+at.outC)
			}
		} else {
			rows := tensor.rows(at, w.kernel)
			k.transpose(p, unsafe.Pointer(&k.taps[0]), rows[c*taps*tensor.DType.Size():], len(rows)/at.cols, channels*taps, at, tensor.DType, false)
		}
		k.filters.Panel(p.isa, dst[c*at.nr:], cin*at.nr, k.taps[:channels*taps*at.nr], channels)
	}
}

// packDepthwise orders the weights as [channels/16][taps][16].
func packDepthwise(dst []float32, tensor Weight, layout Layout, s kernelShape) {
	taps := s.kh * s.kw
	for i, v := range tensor.Float32s() {
		c, tap := i/taps, i%taps
		if layout == NHWC {
			tap, c = i/s.outC, i%s.outC
		}
		dst[(c/kernels.DepthwiseBlock*taps+tap)*kernels.DepthwiseBlock+c%kernels.DepthwiseBlock] = v
	}
}
