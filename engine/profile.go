package engine

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// StepInfo describes a step of a plan: what one kernel does in one go, a layer with what is fused to it.
type StepInfo struct {
	Name      string   // of the first node that it computes; of a step beside a node's own, whose and why ("conv1: pad")
	Nodes     []string // that it computes, in order; empty for a step beside a node's own
	Kernel    string   // its family of kernels.Catalogue, "winograd" for that algorithm's several together, "portable" for Go that belongs to none, or "copy"
	Algorithm string   // what the family does here: "3x3/2", "F(4x4,3x3)", "dense"
	Shape     Shape    // of one picture's result
	MACs      int64    // multiply-adds of its convolution or dense layer as the definition counts them, whatever the algorithm
	Bytes     int64    // weights, inputs and results, each once
}

// Steps describes the steps that a run of n pictures takes, in order.
func (p *Plan) Steps(n int) ([]StepInfo, error) {
	units, err := p.unitsOfSteps()
	if err != nil {
		return nil, err
	}
	shapes, err := p.model.graph.Infer(p.size)
	if err != nil {
		return nil, err
	}
	edges := p.model.graph.edges()
	name := func(node int) string {
		if node == input {
			return InputName
		}
		return p.model.graph.Nodes[node].Name
	}
	said := make([]description, len(p.steps))
	for i, s := range p.steps {
		d, ok := s.(describer)
		if !ok {
			return nil, fmt.Errorf("%T does not describe itself", s)
		}
		said[i] = d.describe()
	}
	list := make([]StepInfo, len(p.steps))
	for i, d := range said {
		info := &list[i]
		*info = StepInfo{Kernel: d.kernel, Algorithm: d.algorithm, Shape: d.shape}
		elements := int64(d.shape.Elements())
		for _, v := range d.reads {
			elements += int64(v.shape.Elements())
		}
		info.Bytes = d.weights + 4*int64(n)*elements

		u := units[i]
		headed := u.chain != nil && u.head != none
		switch {
		case d.algorithm == copyOfPictures:
			info.Name = InputName
			continue
		case u.exports:
			info.Name = name(u.node) + ": output"
			continue
		case headed && d.kernel == "copy":
			info.Name = name(u.head) + ": " + d.algorithm
			continue
		case headed && d.kernel == "epilogue": // somebody wants the sums without the bias: it is added apart
			info.Name = name(u.head) + ": bias"
			continue
		}
		nodes := u.nodes()
		info.Name = name(nodes[0])
		for _, node := range nodes {
			info.Nodes = append(info.Nodes, name(node))
			switch op := p.model.graph.Nodes[node].Op.(type) {
			case *Conv2D, *ConvTranspose2D, *Dense:
				info.MACs += int64(n) * op.macs(pick(edges[node], p.size, shapes), shapes[node])
			}
		}
	}
	return list, nil
}

// stepUnit is where a step comes from.
type stepUnit struct {
	unit
	exports bool // it copies the unit's value out of the arena
}

// nodes are those that the unit computes, in order.
func (u stepUnit) nodes() []int {
	if u.chain == nil {
		return []int{u.node}
	}
	var list []int
	for _, node := range []int{u.head, u.norm, u.add, u.act} {
		if node != none {
			list = append(list, node)
		}
	}
	return list
}

// unitsOfSteps lets a planner make the steps once more and looks which unit each is for. A plan does not keep that: only profiles need it.
func (p *Plan) unitsOfSteps() ([]stepUnit, error) {
	g := p.model.graph
	shapes, err := g.Infer(p.size)
	if err != nil {
		return nil, err
	}
	g = g.padded(p.size, shapes)
	taps := make([]int, len(p.outputs))
	for i, o := range p.outputs {
		if taps[i], err = g.find(o.Name); err != nil {
			return nil, err
		}
	}
	q := &planner{
		Plan: &Plan{model: p.model, size: p.size, batch: p.batch, compact: p.compact}, graph: g, shapes: shapes,
		fusion: fuse(g, taps, p.size, shapes), values: map[ref]*value{}, parts: map[int]part{},
	}
	var units []stepUnit
	made := func(u stepUnit) {
		for len(units) < len(q.steps) {
			units = append(units, u)
		}
	}
	q.placeParts()
	q.export(input, taps)
	made(stepUnit{unit{node: input}, true})
	for _, u := range q.units {
		if u.chain != nil {
			q.chainSteps(u.chain)
		} else {
			q.opStep(u)
		}
		made(stepUnit{u, false})
		q.export(u.node, taps)
		made(stepUnit{u, true})
	}
	for i, s := range q.steps {
		if i >= len(p.steps) || reflect.TypeOf(s) != reflect.TypeOf(p.steps[i]) {
			return nil, fmt.Errorf("step %d of %d is another one in a second plan: unitsOfSteps must do what planner.layout does", i, len(p.steps))
		}
	}
	return units, nil
}

// Profile runs n pictures twice: as Run does, whose time it returns, and with a clock between the steps, whose times it writes to times in the order of Plan.Steps.
// Steps that go through a picture together, in bands, share the time of their group as they share the workers' time.
func (r *Runner) Profile(n int, pictures []float32, times []time.Duration) (whole time.Duration, err error) {
	p := r.plan
	if len(times) != len(p.steps) {
		return 0, fmt.Errorf("%d times for the %d steps of the plan", len(times), len(p.steps))
	}
	start := time.Now()
	if err := r.Run(n, pictures); err != nil {
		return 0, err
	}
	whole = time.Since(start)
	r.show(pictures)
	for i := range r.workers {
		w := &r.workers[i]
		if w.clock == nil {
			w.clock = make([]time.Duration, len(times))
		}
		clear(w.clock)
		w.timed = true
	}
	defer func() {
		r.done()
		err = r.fault()
	}()
	defer r.crew.recovered()
	for i := range p.stages {
		start = time.Now()
		r.crew.do(i)
		p.share(time.Since(start), i, r.workers, times)
	}
	for i := range r.workers {
		r.workers[i].timed = false
	}
	return whole, nil
}

// share gives a stage's time to its steps; to those of a group in proportion to what they took of the workers' time.
func (p *Plan) share(whole time.Duration, i int, workers []worker, times []time.Duration) {
	first, end := p.stages[i].first, p.endOf(i)
	if end == first+1 {
		times[first] = whole
		return
	}
	var sum time.Duration
	for step := first; step < end; step++ {
		times[step] = 0
		for j := range workers {
			times[step] += workers[j].clock[step]
		}
		sum += times[step]
	}
	for step := first; step < end; step++ {
		times[step] = time.Duration(float64(times[step]) / float64(max(1, sum)) * float64(whole))
	}
}

// description is what a step says of itself, for one picture.
type description struct {
	kernel, algorithm string
	reads             []*value
	shape             Shape // of the result
	weights           int64 // bytes
}

// describer is a step that can be profiled: all of them.
type describer interface{ describe() description }

func reads(from *value, e epilogue) []*value {
	if e.res != nil {
		return []*value{from, e.res}
	}
	return []*value{from}
}

func (s *gemmStep) describe() description {
	algorithm := "dense"
	if !s.to.shape.Flat {
		algorithm = windowName(s.window)
		if s.kernel.groups > 1 {
			algorithm += fmt.Sprintf(" in %d groups", s.kernel.groups)
		}
	}
	kernel := "gemm"
	if s.weights.grouped {
		kernel = "gemmgrouped"
	}
	return description{kernel: kernel, algorithm: algorithm, reads: reads(s.from, s.epilogue), shape: s.to.shape, weights: s.weights.bytes()}
}

func (s *depthwiseStep) describe() description {
	return description{kernel: "depthwise", algorithm: windowName(s.window), reads: reads(s.from, s.epilogue), shape: s.to.shape, weights: s.weights.bytes()}
}

func (s *winogradStep) describe() description {
	return description{kernel: "winograd", algorithm: s.algorithmName(), reads: reads(s.from, s.epilogue), shape: s.to.shape, weights: s.weights.bytes()}
}

func (s *poolStep) describe() description {
	kernel := "avgpool"
	if s.kind == poolMax {
		kernel = "maxpool"
	}
	largest := func(spans []span) (n int) {
		for _, s := range spans {
			n = max(n, s.n)
		}
		return n
	}
	return description{kernel: kernel, algorithm: fmt.Sprintf("%dx%d", largest(s.rows), largest(s.cols)), reads: []*value{s.from}, shape: s.to.shape}
}

func (s *rowsStep) describe() description {
	var parts []string
	e := s.epilogue
	if e.scale != nil {
		parts = append(parts, "affine")
	}
	if e.res != nil {
		parts = append(parts, "add")
	}
	if e.lo != negInf || e.hi != posInf {
		parts = append(parts, "clamp")
	}
	switch {
	case e.function != nil && parts == nil:
		return description{kernel: "activation", algorithm: e.function.Func, reads: []*value{s.from}, shape: s.to.shape}
	case e.function != nil:
		parts = append(parts, e.function.Func)
	case parts == nil:
		return description{kernel: "copy", algorithm: "rows", reads: []*value{s.from}, shape: s.to.shape}
	}
	return description{kernel: "epilogue", algorithm: strings.Join(parts, " "), reads: reads(s.from, e), shape: s.to.shape}
}

func (s *pixelStep) describe() description {
	return description{kernel: s.kernel, algorithm: s.what, reads: []*value{s.from}, shape: s.to.shape}
}

func (s *normStep) describe() description {
	return description{kernel: "portable", algorithm: s.what, reads: []*value{s.from}, shape: s.to.shape}
}

func (s *layerNormStep) describe() description {
	return description{kernel: "layernorm", algorithm: "layer norm", reads: []*value{s.from}, shape: s.to.shape}
}

func (s *reduceStep) describe() description {
	return description{kernel: "portable", algorithm: s.what, reads: []*value{s.from}, shape: s.to.shape}
}

func (s *resizeStep) describe() description {
	return description{kernel: "portable", algorithm: "resize", reads: []*value{s.from}, shape: s.to.shape}
}

func (s *arithmeticStep) describe() description {
	d := description{kernel: "portable", algorithm: s.what, shape: s.to.shape}
	if s.vectors() {
		d.kernel = "epilogue"
	}
	for _, t := range s.terms {
		d.reads = append(d.reads, t.value)
	}
	return d
}

func (s *gatherStep) describe() description {
	return description{kernel: "copy", algorithm: s.what, reads: []*value{s.from}, shape: s.to.shape}
}

func (s *reshapeStep) describe() description {
	return description{kernel: "copy", algorithm: "reshape", reads: []*value{s.from}, shape: s.to.shape}
}

func (s *constantStep) describe() description {
	return description{kernel: "copy", algorithm: "constant", reads: []*value{s.to}, shape: s.to.shape}
}

// copyOfPictures is the algorithm of the step that copies the caller's pictures as they are.
const copyOfPictures = "input"

func (s *padStep) describe() description {
	algorithm := "pad"
	if s.from.outside && s.from.shape == s.to.shape {
		algorithm = copyOfPictures
	}
	return description{kernel: "copy", algorithm: algorithm, reads: []*value{s.from}, shape: s.to.shape}
}

func (s *exportStep) describe() description {
	return description{kernel: "copy", algorithm: "to " + string(s.layout), reads: []*value{s.from}, shape: s.from.shape}
}

// windowName is 3x3, 3x3/2 with a stride, 3x3 dilated 2.
func windowName(w Window) string {
	text := fmt.Sprintf("%dx%d", w.Kernel[0], w.Kernel[1])
	if w.Stride != [2]int{1, 1} {
		text += fmt.Sprintf("/%d", w.Stride[0])
		if w.Stride[1] != w.Stride[0] {
			text += fmt.Sprintf("x%d", w.Stride[1])
		}
	}
	if w.Dilation != [2]int{1, 1} {
		text += fmt.Sprintf(" dilated %d", w.Dilation[0])
		if w.Dilation[1] != w.Dilation[0] {
			text += fmt.Sprintf("x%d", w.Dilation[1])
		}
	}
	return text
}
