package engine

import (
	"fmt"
	"math"

	"github.com/featx-go/featx/internal/address"
	"github.com/featx-go/featx/kernels"
)

// PlanOptions choose what a plan computes.
type PlanOptions struct {
	Layers  []string // as Graph.Resolve takes them; none is the graph's Features
	Size    [2]int   // height and width of the pictures; 0 is the graph's own
	Batch   int      // most pictures of one run; 0 is 1
	Compact bool     // weights that are stored as float16 stay so in memory wherever a kernel takes them: less memory, slower, the same bits
}

// Output is one layer that a plan gives.
type Output struct {
	Name  string // as it was asked for
	Shape Shape
	Dims  []int // axes in the graph's layout, without the batch
}

// Memory is what a plan needs, in bytes.
type Memory struct {
	Weights     int64 // packed, shared by the model's plans
	Winograd    int64 // of Weights: filters transformed for Winograd's algorithms
	Activations int64 // arena of one runner
	Scratch     int64 // of each thread of a runner
	Outputs     int64 // of one runner
	Source      int64 // pages of the source that are in memory at most while weights are packed, if it is a Releaser
}

// maxArena is more than any sensible run needs, and little enough to be refused before the machine is brought down.
const maxArena = min(64<<30, address.Space)

// Plan is a model made ready to compute some layers of pictures of one size. It is immutable and may be shared.
type Plan struct {
	model   *Model
	size    Shape
	batch   int
	compact bool
	outputs []Output
	steps   []step  // one by one
	stages  []stage // as they run
	weights []stepWeights
	arena   int // floats
	memory  Memory

	// What the largest step needs of a worker's scratch memory.
	scratchOffsets, scratchAcc, scratchFloats, scratchBand int
}

// stepWeights is what a step waits for before its first run.
type stepWeights struct {
	step int
	*packedWeights
}

// value is where a node's value lies: pictures one after the other, each H*W pixels that are stride floats apart.
type value struct {
	shape   Shape
	buffer  *buffer
	skip    int  // floats in front of the pixel's first channel (a part of a concatenation)
	stride  int  // floats from pixel to pixel
	outside bool // not in the arena: the caller's pictures
}

// at is the arena's float at which the value begins; a worker's own at gives it for every value.
func (v *value) at() int { return v.buffer.offset + v.skip }

// dense tells whether pixels follow each other without a gap.
func (v *value) dense() bool { return v.stride == v.shape.C }

// step is one kernel over one or more values.
type step interface {
	// prepare is called once, when the values have their places.
	prepare(p *Plan)
	// items is the number of independent pieces of work for n pictures. How the work is cut may depend on the number of threads, its results may not.
	items(n, threads int) int
	// run does one piece. It allocates nothing.
	run(w *worker, n, item int)
}

// stage is a step, or several joined to one, and the number of the first.
type stage struct {
	step
	first int
}

// endOf is the number behind a stage's last step.
func (p *Plan) endOf(stage int) int {
	if stage+1 < len(p.stages) {
		return p.stages[stage+1].first
	}
	return len(p.steps)
}

// Plan makes a plan: it drops what lies behind the deepest layer asked for, fuses epilogues, and lays out the memory. It reads no weights but the vectors of epilogues.
func (m *Model) Plan(o PlanOptions) (*Plan, error) {
	g := m.graph
	size := g.Input
	if o.Size[0] != 0 || o.Size[1] != 0 {
		size.H, size.W = o.Size[0], o.Size[1]
	}
	if o.Batch < 0 || o.Batch > maxExtent {
		return nil, fmt.Errorf("batch of %d pictures", o.Batch)
	}
	layers, err := g.Resolve(o.Layers)
	if err != nil {
		return nil, err
	}
	shapes, err := g.Infer(size)
	if err != nil {
		return nil, err
	}
	if err := m.fits(size, shapes); err != nil {
		return nil, err
	}
	g = g.padded(size, shapes)
	p := &planner{
		Plan:   &Plan{model: m, size: size, batch: max(1, o.Batch), compact: o.Compact},
		graph:  g,
		shapes: shapes,
		values: map[ref]*value{},
		parts:  map[int]part{},
	}
	taps := make([]int, len(layers))
	for i, l := range layers {
		taps[i] = l.Node
		p.outputs = append(p.outputs, Output{l.Name, shapes[l.Node], shapes[l.Node].Dims(g.Layout)})
		p.memory.Outputs += int64(shapes[l.Node].Elements()) * 4 * int64(p.batch)
	}
	p.fusion = fuse(g, taps, size, shapes)
	p.layout(taps)
	if err := p.finish(); err != nil {
		return nil, err
	}
	return p.Plan, nil
}

// fits finds dense layers whose weights are for another picture size.
func (m *Model) fits(size Shape, shapes []Shape) error {
	for i, from := range m.graph.edges() {
		for _, p := range m.graph.Nodes[i].Op.params(m.graph.Layout, pick(from, size, shapes)) {
			if w, _ := m.source.Weight(p.Tensor); int64(w.Elements()) != product(p.Shape) {
				return fmt.Errorf("layer %q needs %v of tensor %q at picture size %dx%d, which is %v: this network takes %dx%d",
					m.graph.Nodes[i].Name, p.Shape, p.Tensor, size.H, size.W, w.Shape, m.graph.Input.H, m.graph.Input.W)
			}
		}
	}
	return nil
}

func product(shape []int) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= int64(d)
	}
	return n
}

// Outputs lists the layers in the order of Runner.Output.
func (p *Plan) Outputs() []Output { return p.outputs }

// Memory tells what the plan needs.
func (p *Plan) Memory() Memory { return p.memory }

// Batch is the most pictures of one run.
func (p *Plan) Batch() int { return p.batch }

// InputShape is the shape of one picture.
func (p *Plan) InputShape() Shape { return p.size }

// planner is a plan in the making.
type planner struct {
	*Plan
	*fusion
	graph   *Graph
	shapes  []Shape
	values  map[ref]*value
	parts   map[int]part // nodes that are computed straight into a concatenation
	buffers []*buffer
	copied  *value // the caller's pictures, in the arena
	zeros   int    // floats of zeros that padded convolutions read
}

// part says that a node's value is a range of a concatenation's channels.
type part struct{ concat, skip int }

func (p *planner) layout(taps []int) {
	p.placeParts()
	p.export(input, taps)
	for _, u := range p.units {
		switch {
		case u.chain != nil:
			p.chainSteps(u.chain)
		default:
			p.opStep(u)
		}
		p.export(u.node, taps)
	}
}

// inArena is a value where any step can read it: the caller's pictures are copied when somebody first needs them there.
func (p *planner) inArena(v *value) *value {
	if !v.outside {
		return v
	}
	if p.copied == nil {
		p.copied = p.newValue(v.shape)
		p.add(&padStep{from: v, to: p.copied}, p.copied)
	}
	return p.copied
}

// placeParts lets the inputs of concatenations be computed where they will lie. A value that is joined twice is copied the second time.
func (p *planner) placeParts() {
	for _, u := range p.units {
		if _, ok := p.graph.Nodes[u.node].Op.(*Concat); !ok {
			continue
		}
		skip := 0
		for _, r := range u.reads {
			if _, taken := p.parts[r.node]; !taken && r.node != input {
				p.parts[r.node] = part{u.node, skip}
			}
			skip += p.shape(r).C
		}
	}
}

func (p *planner) shape(r ref) Shape {
	if r.node == input {
		return p.size
	}
	return p.shapes[r.node]
}

// value gives the place of a value, making it at the first call.
func (p *planner) value(r ref) *value {
	if v := p.values[r]; v != nil {
		return v
	}
	v := p.newValue(p.shape(r))
	v.outside = r.node == input
	if at, ok := p.parts[r.node]; ok && !r.raw {
		whole := p.value(ref{node: at.concat})
		v = &value{shape: v.shape, buffer: whole.buffer, skip: whole.skip + at.skip, stride: whole.stride}
	}
	p.values[r] = v
	return v
}

// newValue makes a value with a buffer of its own, which is listed when a step first touches it.
func (p *planner) newValue(s Shape) *value {
	return &value{shape: s, buffer: &buffer{floats: s.Elements(), first: -1}, stride: s.C}
}

// add appends a step that touches some values.
func (p *planner) add(s step, touched ...*value) {
	p.steps = append(p.steps, s)
	for _, v := range touched {
		if v != nil && !v.outside {
			p.touch(v)
		}
	}
}

// touch makes a value live in the newest step.
func (p *planner) touch(v *value) {
	at := max(0, len(p.steps)-1)
	if v.buffer.first < 0 {
		v.buffer.first = at
		p.buffers = append(p.buffers, v.buffer)
	}
	v.buffer.last = at
}

func (p *planner) export(node int, taps []int) {
	for i, t := range taps {
		if p.root[t] == node {
			v := p.inArena(p.value(ref{node: node}))
			p.add(&exportStep{from: v, output: i, layout: p.graph.Layout}, v)
		}
	}
}

// chainSteps makes the steps of a chain: one, or two where a convolution's raw accumulators are wanted as well.
func (p *planner) chainSteps(c *chain) {
	e := p.epilogueOf(c)
	from := p.value(c.source)
	raw := ref{node: c.head, raw: true}
	if c.head != none && p.read[raw] {
		p.headStep(c.head, from, p.value(raw), epilogue{lo: negInf, hi: posInf})
		if !p.read[ref{node: c.last}] {
			return
		}
		from = p.value(raw)
	} else if c.head != none {
		p.headStep(c.head, from, p.value(ref{node: c.last}), e)
		return
	}
	from = p.inArena(from)
	to := p.value(ref{node: c.last})
	p.add(&rowsStep{from: from, to: to, epilogue: e}, from, to, e.res)
}

// negZero is neutral in a sum, whatever the other zero's sign.
var negZero = float32(math.Copysign(0, -1))

var negInf, posInf = float32(math.Inf(-1)), float32(math.Inf(1))

// epilogue is what happens to a step's results on their way to memory: clamp(fma(x, scale, shift) + res), or another function than the clamp, which is applied
// to what lies in memory while that is still in the cache. No scale is no affine.
type epilogue struct {
	scale, shift []float32 // by channel, padded so that a panel may read beyond the last
	res          *value
	lo, hi       float32
	function     *function // nil: none
}

// function is an activation that is no clamp.
type function struct {
	*Activation
	kernel kernels.Func
}

// activate applies the function to rows (pixels) of some channels of a value.
func (e *epilogue) activate(w *worker, v *value, row, rows, channel, channels int) {
	if e.function == nil {
		return
	}
	at := w.float(w.at(v) + row*v.stride + channel)
	e.function.apply(w, at, at, v.stride, v.stride, rows, channels)
}

// apply computes rows of channels; the strides are floats.
func (f *function) apply(w *worker, dst, src *float32, dstStride, srcStride, rows, channels int) {
	w.isa.Activate(&kernels.Activation{
		Func: f.kernel, Alpha: f.Alpha, Beta: f.Beta, Dst: dst, Src: src, DstStride: dstStride * 4, SrcStride: srcStride * 4, Rows: rows, Channels: channels,
	})
}

// epiloguePad is how far a kernel may read behind the last channel's scale and shift.
const epiloguePad = 64

func (p *planner) epilogueOf(c *chain) epilogue {
	e := epilogue{lo: negInf, hi: posInf}
	channels := p.shapes[c.last].C
	var bias []float32
	if c.head != none {
		if name := biasOf(p.graph.Nodes[c.head].Op); name != "" {
			bias = p.model.vector(name)
		}
	} else if c.source.raw {
		bias = p.model.vector(biasOf(p.graph.Nodes[c.source.node].Op))
	}
	if c.norm != none {
		switch op := p.graph.Nodes[c.norm].Op.(type) {
		case *BatchNorm:
			e.scale, e.shift = p.affine(op, channels, bias)
		case *Affine:
			e.scale, e.shift = op.rounded()
		case *Scale:
			e.scale, e.shift = p.scaleOf(op, channels, bias)
		}
	} else if bias != nil {
		e.scale, e.shift = make([]float32, channels+epiloguePad), make([]float32, channels+epiloguePad)
		for i := range channels {
			e.scale[i] = 1
		}
		copy(e.shift, bias)
	}
	if c.add != none {
		e.res = p.inArena(p.value(c.residual))
	}
	if c.act != none {
		switch op := p.graph.Nodes[c.act].Op.(type) {
		case *ReLU:
			e.lo, e.hi = op.bounds()
		case *Clip:
			e.lo, e.hi = op.Lo, op.Hi
		case *Activation:
			e.function = &function{op, activationFuncs[op.Func]}
		}
	}
	p.memory.Weights += int64(len(e.scale)+len(e.shift)) * 4
	return e
}

// affine turns a batch normalisation of x + bias into x*scale + shift, in float64, each rounded once.
func (p *planner) affine(b *BatchNorm, channels int, bias []float32) (scale, shift []float32) {
	scale, shift = make([]float32, channels+epiloguePad), make([]float32, channels+epiloguePad)
	mean, variance := p.model.vector(b.Mean), p.model.vector(b.Var)
	var gamma, beta []float32
	if b.Gamma != "" {
		gamma = p.model.vector(b.Gamma)
	}
	if b.Beta != "" {
		beta = p.model.vector(b.Beta)
	}
	for i := range channels {
		s := 1 / math.Sqrt(float64(variance[i])+b.Eps)
		if gamma != nil {
			s *= float64(gamma[i])
		}
		off := float64(mean[i])
		if bias != nil {
			off -= float64(bias[i])
		}
		t := -float64(off * s) // an explicit conversion keeps the compiler from fusing
		if beta != nil {
			t += float64(beta[i])
		}
		scale[i], shift[i] = float32(s), float32(t)
	}
	return scale, shift
}

// scaleOf turns (x + bias)*scale + shift into x*scale + shift', in float64, rounded once.
func (p *planner) scaleOf(s *Scale, channels int, bias []float32) (scale, shift []float32) {
	scale, shift = make([]float32, channels+epiloguePad), make([]float32, channels+epiloguePad)
	factors, terms := p.optional(s.Scale), p.optional(s.Shift)
	for i := range channels {
		scale[i], shift[i] = 1, negZero // the neutral elements, for every sign of a zero
		if factors != nil {
			scale[i] = factors[i]
		}
		switch {
		case bias != nil && terms != nil:
			shift[i] = float32(float64(float64(bias[i])*float64(scale[i])) + float64(terms[i]))
		case bias != nil:
			shift[i] = bias[i] * scale[i]
		case terms != nil:
			shift[i] = terms[i]
		}
	}
	return scale, shift
}

// rounded gives the constants as kernels take them.
func (a *Affine) rounded() (scale, shift []float32) {
	scale, shift = make([]float32, len(a.Scale)+epiloguePad), make([]float32, len(a.Shift)+epiloguePad)
	for i := range a.Scale {
		scale[i], shift[i] = float32(a.Scale[i]), float32(a.Shift[i])
	}
	return scale, shift
}

// headStep makes the step of a convolution or dense layer.
func (p *planner) headStep(node int, from, to *value, e epilogue) {
	op := p.graph.Nodes[node].Op
	in := from.shape
	in.Flat = to.shape.Flat // a flattened map is still one in memory
	k := shapeOfKernel(op, in)
	w := Window{Kernel: [2]int{k.kh, k.kw}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
	switch op := op.(type) {
	case *Conv2D:
		w = op.Window
	case *ConvTranspose2D:
		from, w = p.stuffed(op, p.inArena(from), to.shape)
	}
	how := chooseAlgorithm(op, from.shape, to.shape)
	copies := how.method == direct && wantsPaddedCopy(w, k)
	if how.method != direct || w.Pad.any() && !copies { // padding points at the arena's zeros
		from = p.inArena(from)
	}
	rows := p.batch * to.shape.H * to.shape.W
	if p.compact {
		rows = 0
	}
	weights := p.model.packed(node, in, how, rows)
	p.memory.Weights += weights.bytes()
	if how.method == winograd {
		p.memory.Winograd += weights.bytes()
	}
	p.memory.Source = max(p.memory.Source, 2*weights.unreleased(p.model.weightsOf(op), p.graph.Layout)) // a tensor's last panels are packed beside the next one's first
	if w.Pad.any() || how.method == winograd {                                                          // Winograd's last tiles may reach beyond a map without padding
		p.zeros = max(p.zeros, from.shape.C)
	}
	name := p.graph.Nodes[node].Name
	var made step
	switch how.method {
	case winograd:
		made = &winogradStep{name: name, from: from, to: to, epilogue: e, weights: weights, pad: w.Pad, cin: k.cin, y: how.y, x: how.x}
	case depthwise:
		made = &depthwiseStep{name: name, from: from, to: to, epilogue: e, weights: weights, window: w}
	default:
		if copies {
			// With few channels a whole kernel row of a padded picture is one short run of floats.
			padded := from.shape
			padded.H += w.Pad.Top + w.Pad.Bottom
			padded.W += w.Pad.Left + w.Pad.Right
			copied := p.newValue(padded)
			p.add(&padStep{from: from, to: copied, pad: w.Pad}, from, copied)
			from, w.Pad = copied, Pad{}
		}
		made = &gemmStep{name: name, from: from, to: to, epilogue: e, weights: weights, window: w, kernel: k}
	}
	p.add(made, from, to, e.res)
	p.weights = append(p.weights, stepWeights{len(p.steps) - 1, weights})
}

// stuffed makes the step that puts a transposed convolution's stride-1 zeros between the pixels, and gives its result and the plain window over it: the sums are those of a
// convolution with the kernel turned around.
func (p *planner) stuffed(op *ConvTranspose2D, from *value, out Shape) (*value, Window) {
	in, reach := from.shape, op.reach()
	copied := p.newValue(Shape{H: out.H + reach[0], W: out.W + reach[1], C: in.C})
	p.add(newGatherStep("stuff", from, copied,
		stuffed(in.H, op.Stride[0], reach[0]-op.Pad.Top, reach[0]-op.Pad.Bottom+op.OutPad[0]),
		stuffed(in.W, op.Stride[1], reach[1]-op.Pad.Left, reach[1]-op.Pad.Right+op.OutPad[1]), upTo(in.C)), from, copied)
	return copied, Window{Kernel: op.Kernel, Stride: [2]int{1, 1}, Dilation: op.Dilation}
}

// opStep makes the step of a node that is no chain.
func (p *planner) opStep(u unit) {
	to := p.value(ref{node: u.node})
	var terms []*value
	for _, r := range u.reads {
		terms = append(terms, p.inArena(p.value(r)))
	}
	from := to
	if terms != nil {
		from = terms[0]
	}
	switch op := p.graph.Nodes[u.node].Op.(type) {
	case *Add:
		p.add(newArithmeticStep("add", terms, to), append(terms, to)...)
	case *Arithmetic:
		p.add(newArithmeticStep(op.Func, terms, to), append(terms, to)...)
	case *Constant:
		p.add(newConstantStep(to, p.model.vector(op.Tensor), p.graph.Layout), to)
	case *GroupNorm:
		p.add(&normStep{what: "group norm", from: from, to: to, eps: op.Eps, gamma: p.optional(op.Gamma), beta: p.optional(op.Beta), groups: op.Groups}, from, to)
	case *InstanceNorm:
		p.add(&normStep{what: "instance norm", from: from, to: to, eps: op.Eps, gamma: p.optional(op.Gamma), beta: p.optional(op.Beta), groups: to.shape.C}, from, to)
	case *LayerNorm:
		gamma, beta := p.optional(op.Gamma), p.optional(op.Beta)
		if gamma == nil {
			gamma = filled(to.shape.C, 1)
		}
		if beta == nil {
			beta = filled(to.shape.C, negZero)
		}
		p.add(&layerNormStep{from: from, to: to, eps: float32(op.Eps), gamma: gamma, beta: beta}, from, to)
	case *Reduce:
		p.add(newReduceStep(from, to, op), from, to)
	case *LpPool:
		p.add(newLpPoolStep(from, to, op), from, to)
	case *Reshape:
		p.add(&reshapeStep{from: from, to: to, layout: p.graph.Layout}, from, to)
	case *Slice, *ZeroPad, *Permute, *ChannelShuffle, *DepthToSpace, *SpaceToDepth:
		p.add(gatherOf(op, from, to), from, to)
	case *Resize:
		if op.Mode == ResizeNearest {
			p.add(gatherOf(op, from, to), from, to)
		} else {
			p.add(newResizeStep(from, to, op), from, to)
		}

	case *MaxPool:
		p.add(newPoolStep(from, to, op.Window, poolMax, false), from, to)
	case *AvgPool:
		p.add(newPoolStep(from, to, op.Window, poolMean, op.CountPad), from, to)
	case *AdaptivePool:
		p.add(newAdaptiveStep(from, to, op), from, to)
	case *Concat:
		p.touch(to)
		skip := 0
		for i, r := range u.reads {
			v := terms[i]
			if p.parts[r.node] != (part{u.node, skip}) || r.node == input {
				slice := &value{shape: v.shape, buffer: to.buffer, skip: to.skip + skip, stride: to.stride}
				p.add(&rowsStep{from: v, to: slice, epilogue: epilogue{lo: negInf, hi: posInf}}, v, slice)
			}
			skip += v.shape.C
		}
	default:
		s := p.pixelStepOf(op, from, to)
		if s.whole && !from.dense() {
			s.from = p.newValue(from.shape)
			p.add(&rowsStep{from: from, to: s.from, epilogue: epilogue{lo: negInf, hi: posInf}}, from, s.from)
		}
		p.add(s, s.from, to)
	}
}

// finish lays out the memory and lets the steps work out their addresses.
func (p *planner) finish() error {
	tooMuch := func(bytes float64) error {
		return fmt.Errorf("%d pictures of %dx%d need %.0f GiB of memory (at most %d): give a smaller size or batch",
			p.batch, p.size.H, p.size.W, math.Ceil(bytes/(1<<30)), maxArena>>30)
	}
	largest, all := 0.0, 0.0 // first without integers, which could overflow
	for _, b := range p.buffers {
		bytes := float64(b.floats) * 4 * float64(p.batch)
		largest, all = max(largest, bytes), all+bytes
	}
	if largest > maxArena {
		return tooMuch(largest)
	}
	if all > 3*address.Space { // so that the arena's floats can be counted where an int has 32 bits
		return tooMuch(all)
	}
	p.joinBands()
	p.addInPlace()
	p.arena = assignArena(p.buffers, p.batch, p.zeros)
	p.memory.Activations = int64(p.arena) * 4
	if need := float64(p.memory.Activations) + float64(p.memory.Outputs); need > maxArena {
		return tooMuch(need)
	}
	for _, s := range p.steps {
		s.prepare(p.Plan)
		if items := s.items(p.batch, 1); items > 1<<30 {
			return fmt.Errorf("%d pictures of %dx%d are too many for one run: give a smaller size or batch", p.batch, p.size.H, p.size.W)
		}
	}
	p.scratchBand = roundUp(p.scratchBand, lineFloats)
	p.memory.Scratch = int64(p.scratchOffsets)*8 + int64(p.scratchAcc+p.scratchFloats+p.scratchBand)*4
	return nil
}
