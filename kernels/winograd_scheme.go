package kernels

// Winograd is an algorithm F(M, R) for M neighbouring outputs of a correlation with R taps along one axis (Winograd,
// "Arithmetic Complexity of Computations", 1980). With d a window of M+R-1 inputs, g the taps and * the product of single values,
//
//	y = Output [ (Filter g / Divisor) * (Input d) ]
//
// takes one multiplication for each of Products, instead of M*R. In two dimensions the matrices apply to each axis in turn, and
// the products of both multiply; an axis with one tap is left alone, by WinogradNone.
//
// Outputs and taps are two polynomials, and a window of inputs pairs with the coefficients of their product. Filter and Output
// hold the polynomials' remainders modulo some small polynomials: x - p, which is the value at the point p and takes one
// multiplication; x^2 + ax + b, which takes three (the coefficients of the remainder and their sum, as in Karatsuba's
// algorithm); and "infinity", the leading coefficient. Input is the transpose of what puts the product together again (the
// Chinese remainder theorem). Real points far from each other make numbers of very different sizes, and rounding errors with
// them; a quadratic with its roots on the unit circle costs one multiplication more than two points, and hardly any accuracy
// (Barabasz and Gregg, "Winograd Convolution for DNNs: Beyond Linear Polynomials", 2019).
//
// All numbers here are dyadic, so the matrices are exact in float32, and no transform but that of the filters divides.
type Winograd struct {
	Name     string
	M, R     int // outputs, taps
	Products int
	Input    []float32 // [Products][M+R-1]
	Output   []float32 // [M][Products]
	Filter   []float64 // [Products][R], 0 and powers of two with a sign
	Divisor  []float64 // [Products]
}

// Window is the inputs of a tile along the axis.
func (w *Winograd) Window() int { return w.M + w.R - 1 }

// WinogradNone leaves an axis with one tap as it is.
var WinogradNone = &Winograd{Name: "F(1,1)", M: 1, R: 1, Products: 1,
	Input: []float32{1}, Output: []float32{1}, Filter: []float64{1}, Divisor: []float64{1}}

// Winograd2x3 is F(2, 3) with the points 0, 1, -1, infinity.
var Winograd2x3 = &Winograd{Name: "F(2,3)", M: 2, R: 3, Products: 4,
	Input: []float32{
		-1, 0, 1, 0,
		0, 1, 1, 0,
		0, -1, 1, 0,
		0, -1, 0, 1,
	},
	Output: []float32{
		1, 1, 1, 0,
		0, 1, -1, 1,
	},
	Filter: []float64{
		1, 0, 0,
		1, 1, 1,
		1, -1, 1,
		0, 0, 1,
	},
	Divisor: []float64{-1, 2, 2, 1},
}

// Winograd4x3 is F(4, 3) with the points 0, 1, -1, 1/2, -2, infinity.
var Winograd4x3 = &Winograd{Name: "F(4,3)", M: 4, R: 3, Products: 6,
	Input: []float32{
		1, -3. / 2, -2, 3. / 2, 1, 0,
		0, -1, 1. / 2, 5. / 2, 1, 0,
		0, 1, -5. / 2, 1. / 2, 1, 0,
		0, -2, -1, 2, 1, 0,
		0, 1. / 2, -1, -1. / 2, 1, 0,
		0, 1, -3. / 2, -2, 3. / 2, 1,
	},
	Output: []float32{
		1, 1, 1, 1, 1, 0,
		0, 1, -1, 1. / 2, -2, 0,
		0, 1, 1, 1. / 4, 4, 0,
		0, 1, -1, 1. / 8, -8, 1,
	},
	Filter: []float64{
		1, 0, 0,
		1, 1, 1,
		1, -1, 1,
		1, 1. / 2, 1. / 4,
		1, -2, 4,
		0, 0, 1,
	},
	Divisor: []float64{1, 3, -3, -15. / 16, 15, 1},
}

// Winograd4x5 is F(4, 5) with the points 0, 1/2, -1/2, 2, -2, infinity and modulo x^2+1.
var Winograd4x5 = &Winograd{Name: "F(4,5)", M: 4, R: 5, Products: 9,
	Input: []float32{
		1, 0, -13. / 4, 0, -13. / 4, 0, 1, 0,
		0, -2, -4, -3. / 2, -3, 1. / 2, 1, 0,
		0, 2, -4, 3. / 2, -3, -1. / 2, 1, 0,
		0, -1. / 2, -1. / 4, 3. / 2, 3. / 4, 2, 1, 0,
		0, 1. / 2, -1. / 4, -3. / 2, 3. / 4, -2, 1, 0,
		0, -1, -1, 17. / 4, 17. / 4, -1, -1, 0,
		0, -1, 1, 17. / 4, -17. / 4, -1, 1, 0,
		0, 1, 0, -17. / 4, 0, 1, 0, 0,
		0, 1, 0, -13. / 4, 0, -13. / 4, 0, 1,
	},
	Output: []float32{
		1, 1, 1, 1, 1, 1, 0, 1, 0,
		0, 1. / 2, -1. / 2, 2, -2, 0, 1, 1, 0,
		0, 1. / 4, 1. / 4, 4, 4, -1, 0, -1, 0,
		0, 1. / 8, -1. / 8, 8, -8, 0, -1, -1, 1,
	},
	Filter: []float64{
		1, 0, 0, 0, 0,
		1, 1. / 2, 1. / 4, 1. / 8, 1. / 16,
		1, -1. / 2, 1. / 4, -1. / 8, 1. / 16,
		1, 2, 4, 8, 16,
		1, -2, 4, -8, 16,
		1, 0, -1, 0, 1,
		0, 1, 0, -1, 0,
		1, 1, -1, -1, 1,
		0, 0, 0, 0, 1,
	},
	Divisor: []float64{1, -75. / 32, -75. / 32, 150, 150, 25. / 4, 25. / 4, 25. / 4, 1},
}

// Winograd6x7 is F(6, 7) with the points 0, 1, -1, 1/2, -1/2, 2, -2, infinity and modulo x^2+x+1 and x^2-x+1.
var Winograd6x7 = &Winograd{Name: "F(6,7)", M: 6, R: 7, Products: 14,
	Input: []float32{
		-1, 0, 17. / 4, 0, -1, 0, 1, 0, -17. / 4, 0, 1, 0,
		0, 1, 1, -13. / 4, -13. / 4, -9. / 4, -9. / 4, -13. / 4, -13. / 4, 1, 1, 0,
		0, -1, 1, 13. / 4, -13. / 4, 9. / 4, -9. / 4, 13. / 4, -13. / 4, -1, 1, 0,
		0, 2, 4, -1. / 2, -1, 0, 0, -2, -4, 1. / 2, 1, 0,
		0, -2, 4, 1. / 2, -1, 0, 0, 2, -4, -1. / 2, 1, 0,
		0, 1. / 2, 1. / 4, -2, -1, 0, 0, -1. / 2, -1. / 4, 2, 1, 0,
		0, -1. / 2, 1. / 4, 2, -1, 0, 0, 1. / 2, -1. / 4, -2, 1, 0,
		0, -3, 3, 51. / 4, -63. / 4, 0, 63. / 4, -51. / 4, -3, 3, 0, 0,
		0, 0, 3, -3, -51. / 4, 63. / 4, 0, -63. / 4, 51. / 4, 3, -3, 0,
		0, 1, -2, -13. / 4, 19. / 2, -21. / 4, -21. / 4, 19. / 2, -13. / 4, -2, 1, 0,
		0, 1, -1, -25. / 4, 13. / 4, 21. / 2, 21. / 4, -25. / 4, -19. / 2, 1, 2, 0,
		0, -2, -1, 19. / 2, 25. / 4, -21. / 4, -21. / 2, -13. / 4, 25. / 4, 1, -1, 0,
		0, 1, 2, -13. / 4, -19. / 2, -21. / 4, 21. / 4, 19. / 2, 13. / 4, -2, -1, 0,
		0, -1, 0, 17. / 4, 0, -1, 0, 1, 0, -17. / 4, 0, 1,
	},
	Output: []float32{
		1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 1, 0,
		0, 1, -1, 1. / 2, -1. / 2, 2, -2, 0, 1, 1, 0, 1, 1, 0,
		0, 1, 1, 1. / 4, 1. / 4, 4, 4, -1, -1, -2, -1, 1, 0, 0,
		0, 1, -1, 1. / 8, -1. / 8, 8, -8, 1, 0, 1, -1, 0, -1, 0,
		0, 1, 1, 1. / 16, 1. / 16, 16, 16, 0, 1, 1, 0, -1, -1, 0,
		0, 1, -1, 1. / 32, -1. / 32, 32, -32, -1, -1, -2, 1, -1, 0, 1,
	},
	Filter: []float64{
		1, 0, 0, 0, 0, 0, 0,
		1, 1, 1, 1, 1, 1, 1,
		1, -1, 1, -1, 1, -1, 1,
		1, 1. / 2, 1. / 4, 1. / 8, 1. / 16, 1. / 32, 1. / 64,
		1, -1. / 2, 1. / 4, -1. / 8, 1. / 16, -1. / 32, 1. / 64,
		1, 2, 4, 8, 16, 32, 64,
		1, -2, 4, -8, 16, -32, 64,
		1, 0, -1, 1, 0, -1, 1,
		0, 1, -1, 0, 1, -1, 0,
		1, 1, -2, 1, 1, -2, 1,
		1, 0, -1, -1, 0, 1, 1,
		0, 1, 1, 0, -1, -1, 0,
		1, 1, 0, -1, -1, 0, 1,
		0, 0, 0, 0, 0, 0, 1,
	},
	Divisor: []float64{-1, -27. / 2, -27. / 2, 945. / 512, 945. / 512, 1890, 1890, 63. / 2, 63. / 2, 63. / 2, 63. / 2, 63. / 2, 63. / 2, 1},
}

// WinogradFilters transforms filters for the algorithms y and x along the two axes. It is memory for the steps between: one
// for each goroutine.
type WinogradFilters struct {
	y, x     *Winograd
	n        int
	inverses []float64 // [y.Products][x.Products]
	t, sum   []float64
	task     winogradFilterTask // once Panel has prepared it
}

// NewWinogradFilters makes room for n filters at a time.
func NewWinogradFilters(y, x *Winograd, n int) *WinogradFilters {
	f := &WinogradFilters{y: y, x: x, n: n, t: make([]float64, x.R*n), sum: make([]float64, n)}
	for _, dy := range y.Divisor {
		for _, dx := range x.Divisor {
			f.inverses = append(f.inverses, 1/(dy*dx))
		}
	}
	return f
}

// Transform computes u = Filter_y g Filter_x^T, divided by both divisors, for n filters g [y.R][x.R][n]: frequency
// k = p*x.Products + q of filter i goes to u[k*stride+i]. It is computed in float64, where the sums and the last product round,
// and rounded once more to float32.
func (f *WinogradFilters) Transform(u []float32, stride int, g []float32, n int) {
	y, x, sum := f.y, f.x, f.sum[:n]
	for p := range y.Products {
		for k := range x.R {
			t := f.t[k*n:][:n]
			clear(t)
			for i, v := range y.Filter[p*y.R:][:y.R] {
				if v != 0 {
					for j, w := range g[(i*x.R+k)*n:][:n] {
						t[j] += v * float64(w)
					}
				}
			}
		}
		for q := range x.Products {
			clear(sum)
			for k, v := range x.Filter[q*x.R:][:x.R] {
				if v != 0 {
					for j, w := range f.t[k*n:][:n] {
						sum[j] += v * w
					}
				}
			}
			at := p*x.Products + q
			for j, v := range sum {
				u[at*stride+j] = float32(v * f.inverses[at])
			}
		}
	}
}
