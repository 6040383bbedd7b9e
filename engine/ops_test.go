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
