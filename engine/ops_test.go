package engine_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
	"github.com/featx-go/featx/kernels"
)

var inf = float32(math.Inf(1))

// Operations whose attributes JSON has no words for, or that are spelled by their functions, survive a model file.
func TestOpsAsJSON(t *testing.T) {
	for _, op := range []engine.Op{
		&engine.Clip{Lo: -inf, Hi: 3},
		&engine.Clip{Lo: -0.1, Hi: inf},
		&engine.Activation{Func: engine.SiLU},
		&engine.Activation{Func: engine.HardSigmoid, Alpha: 1. / 6, Beta: 0.5},
		&engine.Arithmetic{Func: engine.Mul},
		&engine.Reduce{Func: engine.ReduceL2, Axes: "HW", KeepDims: true},
		&engine.ZeroPad{Pad: engine.Pad{Top: 1, Left: -2}, Mode: engine.PadReflect},
		&engine.ZeroPad{Pad: engine.Same(1), ChannelsAfter: 2, Value: -inf},
		&engine.Slice{Start: [3]int{1, 2, 3}, Stop: [3]int{-1, 0, 9}, Step: [3]int{1, 2, 1}},
		&engine.Resize{ScaleH: 2, ScaleW: 0.5, Mode: engine.ResizeCubic, Coord: engine.AlignCorners},
		&engine.LayerNorm{Eps: 1e-6, Gamma: "g"},
	} {
		data, err := json.Marshal(engine.Node{Name: "a", Op: op, Inputs: []string{"input"}})
		require.NoError(t, err)
		var back engine.Node
		require.NoError(t, json.Unmarshal(data, &back), string(data))
		require.Equal(t, op, back.Op, string(data))
	}
	require.Error(t, json.Unmarshal([]byte(`{"name":"a","op":"Clip","inputs":["input"],"attrs":{"lo":"low"}}`), &engine.Node{}))
}

// A constant of the weights is a value without inputs, in either layout.
func TestConstant(t *testing.T) {
	for _, layout := range []engine.Layout{engine.NCHW, engine.NHWC} {
		g := &engine.Graph{Layout: layout, Input: engine.Shape{H: 4, W: 3, C: 5}}
		g.Add("c", &engine.Constant{Tensor: "c.w", Shape: g.Input})
		g.Add("sum", &engine.Add{}, engine.InputName, "c")
		r := rand.New(rand.NewPCG(1, 2))
		w := randomWeights(r, g)
		in := randomPictures(r, 2*g.Input.Elements())
		out := run(t, g, w, kernels.Best(), 2, 2, []string{"c", "sum"}, in)
		c := w["c.w"].Float32s()
		require.Equal(t, append(append([]float32(nil), c...), c...), out[0])
		for i := range out[1] {
			if layout == engine.NHWC {
				require.Equal(t, in[i]+c[i%len(c)], out[1][i])
			}
		}
	}
}

// Attributes of any size give a shape that can be computed or an error that names the layer: never a panic.
func TestHostileAttributes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	number := func() int {
		return []int{0, 1, 2, 3, 4, 5, 8, 16, 63, -1, -2, -7, 1 << 10, 1 << 20, 1<<20 + 1, -1 << 20, math.MaxInt32, math.MinInt32}[min(r.IntN(18), r.IntN(18))]
	}
	pair := func() [2]int { return [2]int{number(), number()} }
	three := func() [3]int { return [3]int{number(), number(), number()} }
	pads := func() engine.Pad {
		return engine.Pad{Top: number(), Left: number(), Bottom: number(), Right: number()}
	}
	window := func() engine.Window {
		return engine.Window{Kernel: pair(), Stride: pair(), Dilation: pair(), Pad: pads(), Ceil: r.IntN(2) == 0}
	}
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	computed := 0
	for range 20_000 {
		var op engine.Op
		switch r.IntN(15) {
		case 0:
			op = &engine.ConvTranspose2D{Window: window(), OutC: number(), Groups: number(), OutPad: pair(), Weight: "w"}
		case 1:
			op = &engine.ZeroPad{Pad: pads(), ChannelsBefore: number(), ChannelsAfter: number(), Mode: one("", engine.PadReflect, engine.PadSymmetric, engine.PadEdge, engine.PadWrap)}
		case 2:
			op = &engine.Slice{Start: three(), Stop: three(), Step: three()}
		case 3:
			op = &engine.Reshape{H: number(), W: number(), C: number(), Flat: r.IntN(2) == 0}
		case 4:
			op = &engine.Permute{Axes: three()}
		case 5:
			op = &engine.ChannelShuffle{Groups: number()}
		case 6:
			op = &engine.DepthToSpace{Block: number(), Mode: one("", engine.ColumnRowDepth)}
		case 7:
			op = &engine.SpaceToDepth{Block: number(), Mode: one("", engine.ColumnRowDepth)}
		case 8:
			op = &engine.Resize{H: number(), W: number(), ScaleH: float64(number()) / 3, ScaleW: float64(number()) / 5, Mode: one(engine.ResizeNearest, engine.ResizeLinear, engine.ResizeCubic),
				Coord: one("", engine.HalfPixelSymmetric, engine.PyTorchHalfPixel, engine.AlignCorners, engine.Asymmetric, engine.HalfPixelForNN), Rounding: one("", engine.RoundCeil, engine.RoundFloor)}
		case 9:
			op = &engine.LpPool{Window: window(), P: number(), Global: r.IntN(4) == 0}
		case 10:
			op = &engine.Reduce{Func: one(engine.ReduceMean, engine.ReduceLogSumExp), Axes: one("", "H", "WC", "HWC", "X"), KeepDims: r.IntN(2) == 0}
		case 11:
			op = &engine.GroupNorm{Groups: number(), Eps: float64(number())}
		case 12:
			op = &engine.LRN{Size: number(), Alpha: 1, Beta: float64(number()), Bias: 1}
		case 13:
			op = &engine.Dense{Out: number(), Weight: "w"}
		case 14:
			op = &engine.Conv2D{Window: window(), OutC: number(), Groups: number(), Weight: "w"}
		}
		g := &engine.Graph{Layout: engine.Layout(one("NCHW", "NHWC")), Input: engine.Shape{H: 1 + r.IntN(8), W: 1 + r.IntN(8), C: 1 << r.IntN(5)}}
		g.Add("a", op, engine.InputName)
		shapes, err := g.Infer(g.Input)
		if err != nil {
			require.Contains(t, err.Error(), `"a"`)
			continue
		}
		params, err := g.Params()
		require.NoError(t, err)
		size := shapes[0].Elements()
		for _, p := range params {
			size += engine.Weight{Shape: p.Shape}.Elements()
		}
		if size > 1<<12 || size < 0 {
			continue
		}
		run(t, g, randomWeights(r, g), kernels.Best(), 1, 1, []string{"a"}, randomPictures(r, g.Input.Elements()))
		computed++
	}
	require.Greater(t, computed, 500)
}
