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
			k := tensor(op.Weight)
			if !out.Flat { // each pixel by itself
				each(func(h, w, c int) float64 {
					sum := 0.0
					if op.Bias != "" {
						sum = tensor(op.Bias)[c]
					}
					for i := range s.C {
						if g.Layout == engine.NHWC {
							sum += k[i*op.Out+c] * x[(h*s.W+w)*s.C+i]
						} else {
							sum += k[c*s.C+i] * x[(h*s.W+w)*s.C+i]
						}
					}
					return sum
				})
				break
			}
			n := s.Elements()
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
		case *engine.Arithmetic:
			fold(map[string]func(a, b float64) float64{
				engine.Mul: func(a, b float64) float64 { return a * b },
				engine.Sub: func(a, b float64) float64 { return a - b },
				engine.Div: func(a, b float64) float64 { return a / b },
				engine.Max: math.Max, engine.Min: math.Min, engine.Pow: math.Pow,
				engine.Mean: func(a, b float64) float64 { return a + b },
			}[op.Func])
			if op.Func == engine.Mean {
				for j := range y {
					y[j] /= float64(len(n.Inputs))
				}
			}
		case *engine.Activation:
			for j, v := range x {
				y[j] = activation(op, v)
			}
		case *engine.PReLU:
			slope := tensor(op.Slope)
			for j, v := range x {
				if y[j] = v; v < 0 {
					y[j] *= slope[j%s.C%len(slope)]
				}
			}
		case *engine.Clip:
			for j, v := range x {
				y[j] = min(max(v, float64(op.Lo)), float64(op.Hi))
			}
		case *engine.Scale:
			scale, shift := tensor(op.Scale), tensor(op.Shift)
			for j, v := range x {
				if y[j] = v; scale != nil {
					y[j] *= scale[j%s.C]
				}
				if shift != nil {
					y[j] += shift[j%s.C]
				}
			}
		case *engine.LayerNorm:
			normalise(y, x, s.C, 1, s.C, op.Eps, tensor(op.Gamma), tensor(op.Beta))
		case *engine.GroupNorm:
			normalise(y, x, s.C, s.H*s.W, s.C/op.Groups, op.Eps, tensor(op.Gamma), tensor(op.Beta))
		case *engine.InstanceNorm:
			normalise(y, x, s.C, s.H*s.W, 1, op.Eps, tensor(op.Gamma), tensor(op.Beta))
		case *engine.LogSoftmax:
			for p := range s.H * s.W {
				row, sum := x[p*s.C:(p+1)*s.C], 0.0
				largest := slices.Max(row)
				for _, v := range row {
					sum += math.Exp(v - largest)
				}
				for c, v := range row {
					y[p*s.C+c] = v - largest - math.Log(sum)
				}
			}
		case *engine.L2Normalize:
			per := s.C
			if out.Flat {
				per = len(x)
			}
			for p := 0; p < len(x); p += per {
				sum := 0.0
				for _, v := range x[p : p+per] {
					sum += v * v
				}
				for j, v := range x[p : p+per] {
					y[p+j] = v / max(math.Sqrt(sum), op.Eps)
				}
			}
		case *engine.ChannelShuffle:
			each(func(h, w, c int) float64 { return x[(h*s.W+w)*s.C+c%op.Groups*(s.C/op.Groups)+c/op.Groups] })
		case *engine.Permute:
			for h := range s.H {
				for w := range s.W {
					for c := range s.C {
						at := [3]int{h, w, c}
						y[(at[op.Axes[0]]*out.W+at[op.Axes[1]])*out.C+at[op.Axes[2]]] = x[(h*s.W+w)*s.C+c]
					}
				}
			}
		case *engine.Slice: // of positive numbers
			each(func(h, w, c int) float64 {
				return x[((op.Start[0]+h*op.Step[0])*s.W+op.Start[1]+w*op.Step[1])*s.C+op.Start[2]+c*op.Step[2]]
			})
		case *engine.Resize: // nearest, by half pixels
			nearest := func(i, n, out int) int {
				return min(max(int(math.Ceil((float64(i)+0.5)*float64(n)/float64(out)-1)), 0), n-1)
			}
			each(func(h, w, c int) float64 { return x[(nearest(h, s.H, out.H)*s.W+nearest(w, s.W, out.W))*s.C+c] })
		case *engine.Reduce: // mean
			count := len(x) / len(y)
			for j, v := range x {
				h, w, c := j/s.C/s.W, j/s.C%s.W, j%s.C
				y[(min(h, out.H-1)*out.W+min(w, out.W-1))*out.C+min(c, out.C-1)] += v / float64(count)
			}
		case *engine.ConvTranspose2D:
			k, cout := tensor(op.Weight), op.OutC/op.Groups
			if bias := tensor(op.Bias); bias != nil {
				each(func(_, _, c int) float64 { return bias[c] })
			}
			for j, v := range x {
				h, w, i := j/s.C/s.W, j/s.C%s.W, j%s.C
				for ky := range op.Kernel[0] {
					for kx := range op.Kernel[1] {
						oh, ow := h*op.Stride[0]+ky*op.Dilation[0]-op.Pad.Top, w*op.Stride[1]+kx*op.Dilation[1]-op.Pad.Left
						if oh < 0 || oh >= out.H || ow < 0 || ow >= out.W {
							continue
						}
						for o := range cout {
							weight := k[((i*cout+o)*op.Kernel[0]+ky)*op.Kernel[1]+kx]
							if g.Layout == engine.NHWC {
								weight = k[((ky*op.Kernel[1]+kx)*cout+o)*s.C+i]
							}
							y[(oh*out.W+ow)*out.C+i/(s.C/op.Groups)*cout+o] += v * weight
						}
					}
				}
			}
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

// activation is the function in float64.
func activation(op *engine.Activation, x float64) float64 {
	a, b := float64(op.Alpha), float64(op.Beta)
	switch op.Func {
	case engine.Sigmoid:
		return 1 / (1 + math.Exp(-x))
	case engine.HardSigmoid:
		return min(max(a*x+b, 0), 1)
	case engine.SiLU:
		return x / (1 + math.Exp(-x))
	case engine.HardSwish:
		return x * min(max(x+3, 0), 6) / 6
	case engine.Tanh:
		return math.Tanh(x)
	case engine.GELU:
		return x / 2 * math.Erfc(-x/math.Sqrt2)
	case engine.GELUTanh:
		return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	case engine.LeakyReLU:
		return max(x, 0) + a*min(x, 0)
	case engine.ELU:
		return max(x, 0) + a*math.Expm1(min(x, 0))
	case engine.Softplus:
		return math.Log1p(math.Exp(-math.Abs(x))) + max(x, 0)
	}
	panic(op.Func)
}

// normalise subtracts the mean and divides by the deviation of runs of channels of so many pixels.
func normalise(y, x []float64, channels, pixels, run int, eps float64, gamma, beta []float64) {
	for p0 := 0; p0 < len(x)/channels; p0 += pixels {
		for c0 := 0; c0 < channels; c0 += run {
			each := func(f func(i, c int)) {
				for p := range pixels {
					for c := range run {
						f((p0+p)*channels+c0+c, c0+c)
					}
				}
			}
			n, sum, squares := float64(pixels*run), 0.0, 0.0
			each(func(i, _ int) { sum += x[i] })
			each(func(i, _ int) { squares += (x[i] - sum/n) * (x[i] - sum/n) })
			each(func(i, c int) {
				y[i] = (x[i] - sum/n) / math.Sqrt(squares/n+eps)
				if gamma != nil {
					y[i] *= gamma[c]
				}
				if beta != nil {
					y[i] += beta[c]
				}
			})
		}
	}
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
