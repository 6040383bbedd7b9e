package kernels

import (
	"fmt"
	"hash/fnv"
	"math"
	"testing"
)

// vectorFuncs are those with vector code, in float64 by package math.
var vectorFuncs = map[Func]func(x, alpha, beta float64) float64{
	Sigmoid:     func(x, _, _ float64) float64 { return logistic(x) },
	HardSigmoid: func(x, a, b float64) float64 { return min(max(x*a+b, 0), 1) },
	SiLU:        func(x, _, _ float64) float64 { return x * logistic(x) },
	HardSwish:   func(x, _, _ float64) float64 { return x * min(max(x+3, 0), 6) / 6 },
	Tanh:        func(x, _, _ float64) float64 { return math.Tanh(x) },
	GELU:        func(x, _, _ float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 },
	LeakyReLU: func(x, a, _ float64) float64 {
		if x < 0 {
			return x * a
		}
		return x
	},
}

func logistic(x float64) float64 {
	if x < 0 {
		return math.Exp(x) / (1 + math.Exp(x))
	}
	return 1 / (1 + math.Exp(-x))
}

// every gives numbers of every exponent and sign, more of those near one, and the special ones.
func every() []float32 {
	r := newRand(11)
	x := append([]float32(nil), specials...)
	for exponent := range uint32(255) {
		for range 400 {
			x = append(x, math.Float32frombits(exponent<<23|r.Uint32()&(1<<31|1<<23-1)))
		}
	}
	for range 200_000 {
		x = append(x, float32(r.NormFloat64()*4), float32(40*r.Float64()-20), float32(220*r.Float64()-110))
	}
	return x
}

// units is the difference in units in the last place of the true value; next to the least float32, where a factor may be subnormal, of 64 times that.
func units(got float32, want float64) float64 {
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(e-24, -143))
}

func TestActivationAccuracy(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the bits are pinned")
	}
	src := every()
	got := make([]float32, len(src))
	for f, want := range vectorFuncs {
		bound := 4.0
		if f == GELU {
			bound = 6
		}
		const alpha, beta = 0.25, 0.5
		Generic.Activate(&Activation{Func: f, Alpha: alpha, Beta: beta, Dst: &got[0], Src: &src[0], Rows: 1, Channels: len(src)})
		worst, at := 0.0, float32(0)
		for i, x := range src {
			w := want(float64(x), alpha, beta)
			if w != w || math.Abs(w) > math.MaxFloat32 {
				if !same(got[i], float32(w)) {
					t.Fatalf("function %d of %g is %g, want %g", f, x, got[i], w)
				}
				continue
			}
			if u := units(got[i], w); u > worst || u != u {
				worst, at = u, x
			}
		}
		t.Logf("function %d: %.2f units at %g", f, worst, at)
		if !(worst <= bound) {
			t.Errorf("function %d is off by %.2f units at %g: %g, want %g", f, worst, at, f.apply(at, alpha, beta), want(float64(at), alpha, beta))
		}
	}
	for f, want := range map[Func]func(x float64) float64{ // rounded once, but for what float64 loses
		GELUTanh: func(x float64) float64 {
			return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		},
		ELU:      func(x float64) float64 { return max(x, 0) + 0.25*math.Expm1(min(x, 0)) },
		CELU:     func(x float64) float64 { return max(x, 0) + 0.25*math.Expm1(min(x, 0)/0.25) },
		SELU:     func(x float64) float64 { return 0.5 * (max(x, 0) + 0.25*math.Expm1(min(x, 0))) },
		Softplus: func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) },
		Mish:     func(x float64) float64 { return x * math.Tanh(math.Log1p(math.Exp(x))) },
		Exp:      math.Exp, Erf: math.Erf, Softsign: func(x float64) float64 { return x / (1 + math.Abs(x)) },
		Log: math.Log, Sqrt: math.Sqrt, Abs: math.Abs, Floor: math.Floor, Ceil: math.Ceil,
		Neg: func(x float64) float64 { return -x }, Reciprocal: func(x float64) float64 { return 1 / x },
		ThresholdedReLU: func(x float64) float64 {
			if x > 0.25 {
				return x
			}
			return 0
		},
	} {
		for _, x := range src {
			if !(math.Abs(float64(x)) <= 80) {
				continue
			}
			w, got := want(float64(x)), f.apply(x, 0.25, 0.5)
			if d := math.Abs(float64(got) - w); w == w && !math.IsInf(w, 0) && !(d <= 1e-7*math.Abs(w)+1e-12 || math.Abs(w) > math.MaxFloat32) && !same(got, float32(w)) {
				t.Fatalf("function %d of %g is %g, want %g", f, x, got, w)
			}
		}
	}
}

func TestActivation(t *testing.T) {
	values := every()
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "activation", func(t *testing.T, isa ISA) {
				r := newRand(12)
				for f := range lastVector + 1 {
					for channels := 1; channels <= 70; channels++ {
						rows, srcGap, dstGap := 1+r.IntN(4), r.IntN(3), r.IntN(3)
						src := p.alloc(t, rows*channels+(rows-1)*srcGap)
						dst := fillWith(p.alloc(t, rows*channels+(rows-1)*dstGap), canary)
						for i := range src {
							src[i] = values[r.IntN(len(values))]
						}
						a := Activation{Func: f, Alpha: r.Float32(), Beta: r.Float32() - 0.5, Src: &src[0], SrcStride: 4 * (channels + srcGap), Dst: &dst[0], DstStride: 4 * (channels + dstGap), Rows: rows, Channels: channels}
						if r.IntN(3) == 0 {
							dst, dstGap, a.Dst, a.DstStride = src, srcGap, a.Src, a.SrcStride
						}
						want := append([]float32(nil), dst...)
						for row := range rows {
							for c := range channels {
								want[row*(channels+dstGap)+c] = f.apply(src[row*(channels+srcGap)+c], a.Alpha, a.Beta)
							}
						}
						isa.Activate(&a)
						mustEqual(t, fmt.Sprintf("function %d, %d channels", f, channels), dst, want)
					}
				}
			})
		})
	}
}

// All numbers of every size, through the vector code.
func TestActivationEverywhere(t *testing.T) {
	src := every()
	want, got := make([]float32, len(src)), make([]float32, len(src))
	for f := range lastVector + 1 {
		a := Activation{Func: f, Alpha: 1. / 6, Beta: 0.5, Src: &src[0], Dst: &want[0], Rows: 1, Channels: len(src)}
		Generic.Activate(&a)
		for _, isa := range All()[1:] {
			a.Dst = &got[0]
			isa.Activate(&a)
			for i := range got {
				if !same(got[i], want[i]) {
					t.Fatalf("%v, function %d of %g (%08x): %g, want %g", isa, f, src[i], math.Float32bits(src[i]), got[i], want[i])
				}
			}
		}
	}
}

// TestActivationBits pins the bits of every function, so that another architecture or compiler cannot drift.
func TestActivationBits(t *testing.T) {
	src := every()
	dst := make([]float32, len(src))
	for f := range Ceil + 1 {
		Generic.Activate(&Activation{Func: f, Alpha: 0.75, Beta: 0.5, Src: &src[0], Dst: &dst[0], Rows: 1, Channels: len(src)})
		h := fnv.New64a()
		for _, v := range dst {
			bits := math.Float32bits(v)
			if v != v {
				bits = 0x7fc00000
			}
			h.Write([]byte{byte(bits), byte(bits >> 8), byte(bits >> 16), byte(bits >> 24)})
		}
		if got := h.Sum64(); got != activationBits[f] {
			t.Errorf("function %d: %#x, want %#x", f, got, activationBits[f])
		}
	}
}

var activationBits = [Ceil + 1]uint64{
	0x9b0a69d526ed337f, 0x3e47d1f7d5c905bd, 0xf502d09759e914fe, 0x7a69b8c0e8688396, 0x5329000411fd771d, 0x66b29fb0158c1eb,
	0x7a25310c92fe24a3, 0x6e92ecfa518f5fc3, 0x73953f44c05eb86a, 0x7eaffb2989a079ac, 0x4cb74f979d26376, 0xea59ebb66d92eed4,
	0x6585b0f979c5ffc5, 0x83dc7b5774ee1edc, 0x5d2f4a4695d072fb, 0x3c8101bacdd7160, 0xf23c7a2835f7225d, 0x7b242fbe5ef5b71f,
	0x60798a08c6b3872f, 0x977f5d7873827d2f, 0x6c6c217ac255aaa3, 0x3ced5a69c4ad9433, 0xb53f435628207496, 0x46556784b32ec0b3,
}

func BenchmarkActivation(b *testing.B) {
	const n = 56 * 56 * 64
	src, dst := make([]float32, n), make([]float32, n)
	fill(newRand(1), src, false)
	for _, isa := range All() {
		for f, name := range map[Func]string{Sigmoid: "sigmoid", SiLU: "silu", HardSwish: "hard swish", HardSigmoid: "hard sigmoid", Tanh: "tanh", GELU: "gelu"} {
			b.Run(fmt.Sprintf("%s/%s 56x56x64", isa, name), func(b *testing.B) {
				b.SetBytes(8 * n)
				for b.Loop() {
					isa.Activate(&Activation{Func: f, Alpha: 0.2, Beta: 0.5, Dst: &dst[0], Src: &src[0], Rows: 1, Channels: n})
				}
			})
		}
	}
}
