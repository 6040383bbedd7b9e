package engine_test

import (
	"math"
	"slices"

	"github.com/featx-go/featx/engine"
)

// oracle evaluates every node of a graph in float64, naively, NHWC, for one picture. Each node reads the values given for its inputs, so that
// errors do not add up. It shares no code with the engine but the graph.
func oracle(g *engine.Graph, weights engine.WeightMap, shapes []engine.Shape, in engine.Shape, picture []float64, given [][]float64) [][]float64 {
	values := make([][]float64, len(g.Nodes))
	tensor := func(name string) []float64 {
		var out []float64
		if name == "" {
			return nil
		}
		for _, v := range weights[name].Float32s() {
			out = append(out, float64(v))
		}
		return out
	}
	at := map[string]int{}
	for i, n := range g.Nodes {
		at[n.Name] = i
		get := func(j int) ([]float64, engine.Shape) {
			if n.Inputs[j] == engine.InputName {
				return picture, in
			}
			return given[at[n.Inputs[j]]], shapes[at[n.Inputs[j]]]
		}
		x, s := get(0)
		out := shapes[i]
		y := make([]float64, out.Elements())
		each := func(f func(h, w, c int) float64) {
			for h := range out.H {
				for w := range out.W {
					for c := range out.C {
						y[(h*out.W+w)*out.C+c] = f(h, w, c)
					}
				}
			}
		}
		// window calls f for every tap, inside the map or not.
		window := func(w engine.Window, oh, ow int, f func(ky, kx, iy, ix int, inside bool)) {
			for ky := range w.Kernel[0] {
				for kx := range w.Kernel[1] {
					iy := oh*w.Stride[0] - w.Pad.Top + ky*w.Dilation[0]
					ix := ow*w.Stride[1] - w.Pad.Left + kx*w.Dilation[1]
					f(ky, kx, iy, ix, iy >= 0 && iy < s.H && ix >= 0 && ix < s.W)
				}
			}
		}
		// fold combines the inputs, axes of extent 1 repeated.
		fold := func(f func(a, b float64) float64) {
			for j := range n.Inputs {
				b, s := get(j)
				each(func(h, w, c int) float64 {
					v := b[(min(h, s.H-1)*s.W+min(w, s.W-1))*s.C+min(c, s.C-1)]
					if j == 0 {
						return v
					}
					return f(y[(h*out.W+w)*out.C+c], v)
				})
			}
		}
		switch op := n.Op.(type) {
		case *engine.Conv2D:
			k, cin, perGroup := tensor(op.Weight), s.C/op.Groups, op.OutC/op.Groups
			var bias []float64
			if op.Bias != "" {
				bias = tensor(op.Bias)
			}
			each(func(h, w, c int) float64 {
				sum := 0.0
				if bias != nil {
					sum = bias[c]
				}
				window(op.Window, h, w, func(ky, kx, iy, ix int, inside bool) {
					for i := range cin {
						if !inside {
							continue
						}
						weight := k[((c*cin+i)*op.Kernel[0]+ky)*op.Kernel[1]+kx]
						if g.Layout == engine.NHWC {
							weight = k[((ky*op.Kernel[1]+kx)*cin+i)*op.OutC+c]
						}
						sum += weight * x[(iy*s.W+ix)*s.C+c/perGroup*cin+i]
					}
				})
				return sum
			})
		case *engine.Dense:
			k, n := tensor(op.Weight), s.Elements()
			var bias []float64
			if op.Bias != "" {
				bias = tensor(op.Bias)
			}
			each(func(_, _, c int) float64 {
				sum := 0.0
				if bias != nil {
					sum = bias[c]
				}
				for p := range s.H * s.W {
					for i := range s.C {
						if g.Layout == engine.NHWC {
							sum += k[(p*s.C+i)*op.Out+c] * x[p*s.C+i]
						} else {
							sum += k[c*n+i*s.H*s.W+p] * x[p*s.C+i]
						}
					}
				}
				return sum
			})
		case *engine.BatchNorm:
			mean, variance := tensor(op.Mean), tensor(op.Var)
			gamma, beta := tensor(op.Gamma), tensor(op.Beta)
			each(func(h, w, c int) float64 {
				v := (x[(h*s.W+w)*s.C+c] - mean[c]) / math.Sqrt(variance[c]+op.Eps)
				if len(gamma) > 0 {
					v *= gamma[c]
				}
				if len(beta) > 0 {
					v += beta[c]
				}
				return v
			})
		case *engine.Affine:
			each(func(h, w, c int) float64 { return x[(h*s.W+w)*s.C+c]*op.Scale[c] + op.Shift[c] })
		case *engine.ReLU:
			for j, v := range x {
				y[j] = max(v, 0)
				if op.Max > 0 {
					y[j] = min(y[j], float64(op.Max))
				}
			}
		case *engine.MaxPool:
			each(func(h, w, c int) float64 {
				m := math.Inf(-1)
				window(op.Window, h, w, func(_, _, iy, ix int, inside bool) {
					if inside {
						m = max(m, x[(iy*s.W+ix)*s.C+c])
					}
				})
				return m
			})
		case *engine.AvgPool:
			each(func(h, w, c int) float64 {
				sum, n := 0.0, 0
				window(op.Window, h, w, func(_, _, iy, ix int, inside bool) {
					if inside {
						sum += x[(iy*s.W+ix)*s.C+c]
					}
					if inside || op.CountPad && iy < s.H+op.Pad.Bottom && ix < s.W+op.Pad.Right {
						n++
					}
				})
				return sum / float64(n)
			})
		case *engine.AdaptivePool:
			each(func(h, w, c int) float64 {
				sum, m, n := 0.0, math.Inf(-1), 0
				for iy := h * s.H / out.H; iy*out.H < (h+1)*s.H; iy++ {
					for ix := w * s.W / out.W; ix*out.W < (w+1)*s.W; ix++ {
						v := x[(iy*s.W+ix)*s.C+c]
						sum, m, n = sum+v, max(m, v), n+1
					}
				}
				if op.Max {
					return m
				}
				return sum / float64(n)
			})
		case *engine.Add:
			fold(func(a, b float64) float64 { return a + b })
		case *engine.Concat:
			skip := 0
			for j := range n.Inputs {
				part, ps := get(j)
				for p := range ps.H * ps.W {
					copy(y[p*out.C+skip:], part[p*ps.C:(p+1)*ps.C])
				}
				skip += ps.C
			}
		case *engine.ZeroPad:
			each(func(h, w, c int) float64 {
				h, w, c = h-op.Pad.Top, w-op.Pad.Left, c-op.ChannelsBefore
				if h < 0 || h >= s.H || w < 0 || w >= s.W || c < 0 || c >= s.C {
					return 0
				}
				return x[(h*s.W+w)*s.C+c]
			})
		case *engine.Softmax:
			for p := range s.H * s.W {
				row, sum := x[p*s.C:(p+1)*s.C], 0.0
				largest := slices.Max(row)
				for _, v := range row {
					sum += math.Exp(v - largest)
				}
				for c, v := range row {
					y[p*s.C+c] = math.Exp(v-largest) / sum
				}
			}
		case *engine.Flatten, *engine.Identity:
			copy(y, x)
		default:
			panic(n.Op.Kind())
		}
		values[i] = y
	}
	return values
}

// fromLayout reorders a picture's value from what Runner.Output gives to NHWC.
func fromLayout(l engine.Layout, s engine.Shape, values []float32) []float64 {
	out := make([]float64, len(values))
	for p := range s.H * s.W {
		for c := range s.C {
			if l == engine.NHWC {
				out[p*s.C+c] = float64(values[p*s.C+c])
			} else {
				out[p*s.C+c] = float64(values[c*s.H*s.W+p])
			}
		}
	}
	return out
}
