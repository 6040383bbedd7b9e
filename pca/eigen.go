package pca

import (
	"errors"
	"math"
)

// symmetric is an eigenproblem of a symmetric matrix: Householder's reduction to a tridiagonal one, then implicitly shifted QL steps (Golub and Van Loan, Matrix
// Computations, 8.3; Bowdler, Martin, Reinsch and Wilkinson 1968), as LAPACK's dsteqr has them. All is +, -, *, / and square root of float64, each rounded (see tile), in an
// order that depends on n alone: threads share out rows, whose results do not depend on each other. So the bits are the same on every CPU.
type symmetric struct {
	n       int
	threads int
	a       []float64 // [n][n]; in the end row k holds the k-th Householder vector behind its diagonal
	tau     []float64 // of the k-th reflection: 1 - tau v v'
	d, e    []float64 // the tridiagonal matrix: diagonal, and beside it; in the end d are the eigenvalues
	z       []float64 // [n][n]: the product of reflections and rotations, in the end a column for each eigenvalue
	sweeps  []sweep   // that z still lacks
	pending int       // their rotations
}

// eigen gives the eigenvalues of a symmetric matrix [n][n], in no order, and their vectors of length one: column k of z is that of values[k]. It destroys a.
func eigen(a []float64, n, threads int) (values, z []float64, err error) {
	s := &symmetric{n: n, threads: threads, a: a, tau: make([]float64, n), d: make([]float64, n), e: make([]float64, n), z: make([]float64, n*n)}
	scale := s.scale()
	s.tridiagonalise()
	s.accumulate()
	if err := s.diagonalise(); err != nil {
		return nil, nil, err
	}
	for i := range s.d {
		s.d[i] *= scale
	}
	return s.d, s.z, nil
}

// scale divides the matrix by the power of two that makes its largest entry about 1, so that no square of it is too large or too small, and gives that power.
func (s *symmetric) scale() float64 {
	most := 0.0
	for _, v := range s.a {
		most = max(most, math.Abs(v))
	}
	_, exponent := math.Frexp(most)
	exponent = max(-1000, exponent)
	by := math.Ldexp(1, -exponent)
	for i := range s.a {
		s.a[i] *= by
	}
	return math.Ldexp(1, exponent)
}

// few is the number of multiplications below which threads are not worth starting.
const few = 1 << 15

// share does so many rows of so many multiplications each, in blocks of whole fours.
func (s *symmetric) share(rows, each int, do func(from, to int)) {
	threads := s.threads
	if rows*each < few {
		threads = 1
	}
	blocks := min(4*threads, (rows+3)/4)
	if threads == 1 {
		blocks = min(blocks, 1)
	}
	size := 0
	if blocks > 0 {
		size = ((rows+3)/4 + blocks - 1) / blocks * 4
	}
	parallel(blocks, threads, func(i int) {
		if from, to := i*size, min((i+1)*size, rows); from < to {
			do(from, to)
		}
	})
}

// tridiagonalise reduces the matrix from its first row on: a := (1 - tau v v') a (1 - tau v v'), which takes v and q from each row that is left (a -= v q' + q v'). That of a
// step is done by the next, together with its product of matrix and vector, so that the matrix passes by once a step.
func (s *symmetric) tridiagonalise() {
	n := s.n
	v, q := make([]float64, n), make([]float64, n) // of the step before; zeros
	w, p := make([]float64, n), make([]float64, n)
	for k := range n {
		row := s.a[k*n : (k+1)*n]
		takeAway(row[k:], v[k:], q[k:], v[k], q[k])
		s.d[k] = row[k]
		if k == n-1 {
			break
		}
		s.tau[k], s.e[k] = reflector(row[k+1:])
		copy(w[k+1:], row[k+1:])
		tau := s.tau[k]
		s.share(n-k-1, 3*(n-k-1), func(from, to int) {
			for i := k + 1 + from; i < k+1+to; i++ {
				p[i] = float64(tau * takeAwayAndMultiply(s.a[i*n+k+1:(i+1)*n], v[k+1:], q[k+1:], v[i], q[i], w[k+1:]))
			}
		})
		half := float64(tau*dot(p[k+1:], w[k+1:])) / 2
		for i := k + 1; i < n; i++ {
			v[i], q[i] = w[i], p[i]-float64(half*w[i])
		}
	}
}

// reflector makes of x the vector v of the reflection 1 - tau v v' that turns x into (beta, 0, 0, ...).
func reflector(x []float64) (tau, beta float64) {
	rest := dot(x[1:], x[1:])
	if rest == 0 {
		beta = x[0]
		x[0] = 0
		return 0, beta
	}
	beta = -math.Copysign(math.Sqrt(float64(x[0]*x[0])+rest), x[0])
	x[0] -= beta
	return 2 / (float64(x[0]*x[0]) + rest), beta
}

// dot has four sums, of every fourth product each, which are added up in the end.
func dot(x, y []float64) float64 {
	var s0, s1, s2, s3 float64
	y = y[:len(x)]
	i := 0
	for ; i+4 <= len(x); i += 4 {
		s0 += float64(x[i] * y[i])
		s1 += float64(x[i+1] * y[i+1])
		s2 += float64(x[i+2] * y[i+2])
		s3 += float64(x[i+3] * y[i+3])
	}
	for ; i < len(x); i++ {
		s0 += float64(x[i] * y[i])
	}
	return s0 + s1 + (s2 + s3)
}

// takeAway takes vi q + qi v from a row.
func takeAway(row, v, q []float64, vi, qi float64) {
	v, q = v[:len(row)], q[:len(row)]
	for j := range row {
		row[j] -= float64(vi*q[j]) + float64(qi*v[j])
	}
}

// takeAwayAndMultiply is takeAway, and gives the dot product of what is left with w.
func takeAwayAndMultiply(row, v, q []float64, vi, qi float64, w []float64) float64 {
	var s0, s1, s2, s3 float64
	v, q, w = v[:len(row)], q[:len(row)], w[:len(row)]
	i := 0
	for ; i+4 <= len(row); i += 4 {
		r0 := row[i] - (float64(vi*q[i]) + float64(qi*v[i]))
		r1 := row[i+1] - (float64(vi*q[i+1]) + float64(qi*v[i+1]))
		r2 := row[i+2] - (float64(vi*q[i+2]) + float64(qi*v[i+2]))
		r3 := row[i+3] - (float64(vi*q[i+3]) + float64(qi*v[i+3]))
		row[i], row[i+1], row[i+2], row[i+3] = r0, r1, r2, r3
		s0 += float64(r0 * w[i])
		s1 += float64(r1 * w[i+1])
		s2 += float64(r2 * w[i+2])
		s3 += float64(r3 * w[i+3])
	}
	for ; i < len(row); i++ {
		row[i] -= float64(vi*q[i]) + float64(qi*v[i])
		s0 += float64(row[i] * w[i])
	}
	return s0 + s1 + (s2 + s3)
}

// accumulate makes z the product of the reflections. Each row of it is one of the identity that goes through all of them.
func (s *symmetric) accumulate() {
	n := s.n
	for i := range n {
		s.z[i*n+i] = 1
	}
	s.share(n, n*n, func(from, to int) {
		for ; from < to; from += 4 { // their reflections stay in the cache
			for k := range n - 1 {
				if s.tau[k] == 0 {
					continue
				}
				v := s.a[k*n+k+1 : (k+1)*n]
				for i := from; i < min(from+4, to); i++ {
					row := s.z[i*n+k+1 : (i+1)*n]
					by := float64(s.tau[k] * dot(row, v))
					for j, x := range v {
						row[j] -= float64(by * x)
					}
				}
			}
		}
	})
}

// sweep is a QL step's rotations, of the planes (top-1, top), (top-2, top-1), ...
type sweep struct {
	top   int
	turns []turn
}

type turn struct{ c, s float64 }

const (
	epsilon    = 0x1p-52
	negligible = 0x1p-120 // beside entries of about 1
	steps      = 60       // for one eigenvalue; two are usual
	gathered   = 1 << 13  // rotations that z takes together
)

var errNoConvergence = errors.New("the eigenvalues do not converge")

// diagonalise makes the eigenvalues of d and e, and turns z.
func (s *symmetric) diagonalise() error {
	d, e := s.d, s.e // e[i] is beside d[i] and d[i+1]
	for l := range s.n {
		for step := 0; ; step++ {
			m := l
			for m < s.n-1 && math.Abs(e[m]) > max(epsilon*(math.Abs(d[m])+math.Abs(d[m+1])), negligible) {
				m++
			}
			if m == l {
				break
			}
			if step == steps {
				return errNoConvergence
			}
			s.step(l, m)
		}
	}
	s.rotate()
	return nil
}

// step is one QL step of the entries l to m.
func (s *symmetric) step(l, m int) {
	d, e := s.d, s.e
	g := (d[l+1] - d[l]) / (2 * e[l])
	g = d[m] - d[l] + e[l]/(g+math.Copysign(hypotenuse(g, 1), g)) // Wilkinson's shift
	sin, cos, p := 1.0, 1.0, 0.0
	w := sweep{top: m, turns: make([]turn, 0, m-l)}
	for i := m - 1; i >= l; i-- {
		f, b := float64(sin*e[i]), float64(cos*e[i])
		r := hypotenuse(f, g)
		e[i+1] = r
		if r == 0 { // the matrix falls apart here
			d[i+1] -= p
			break
		}
		sin, cos = f/r, g/r
		g = d[i+1] - p
		r = float64((d[i]-g)*sin) + float64(2*float64(cos*b))
		p = float64(sin * r)
		d[i+1] = g + p
		g = float64(cos*r) - b
		w.turns = append(w.turns, turn{cos, sin})
	}
	if len(w.turns) == m-l {
		d[l] -= p
		e[l] = g
	}
	e[m] = 0
	s.sweeps = append(s.sweeps, w)
	if s.pending += len(w.turns); s.pending >= gathered {
		s.rotate()
	}
}

func hypotenuse(a, b float64) float64 { return math.Sqrt(float64(a*a) + float64(b*b)) }

// rotate lets z take the rotations that it lacks, four rows together.
func (s *symmetric) rotate() {
	n := s.n
	s.share(n, 4*s.pending, func(from, to int) {
		for ; from+4 <= to; from += 4 {
			z := s.z[from*n : (from+4)*n]
			for _, w := range s.sweeps {
				w.four(z[:n], z[n:2*n], z[2*n:3*n], z[3*n:])
			}
		}
		for ; from < to; from++ {
			for _, w := range s.sweeps {
				w.one(s.z[from*n : (from+1)*n])
			}
		}
	})
	s.sweeps, s.pending = s.sweeps[:0], 0
}

func (w *sweep) one(z []float64) {
	f, i := z[w.top], w.top-1
	for _, t := range w.turns {
		x := z[i]
		z[i+1] = float64(t.s*x) + float64(t.c*f)
		f = float64(t.c*x) - float64(t.s*f)
		i--
	}
	z[i+1] = f
}

func (w *sweep) four(z0, z1, z2, z3 []float64) {
	i := w.top
	f0, f1, f2, f3 := z0[i], z1[i], z2[i], z3[i]
	z1, z2, z3 = z1[:len(z0)], z2[:len(z0)], z3[:len(z0)]
	for _, t := range w.turns {
		x0, x1, x2, x3 := z0[i-1], z1[i-1], z2[i-1], z3[i-1]
		z0[i] = float64(t.s*x0) + float64(t.c*f0)
		z1[i] = float64(t.s*x1) + float64(t.c*f1)
		z2[i] = float64(t.s*x2) + float64(t.c*f2)
		z3[i] = float64(t.s*x3) + float64(t.c*f3)
		f0 = float64(t.c*x0) - float64(t.s*f0)
		f1 = float64(t.c*x1) - float64(t.s*f1)
		f2 = float64(t.c*x2) - float64(t.s*f2)
		f3 = float64(t.c*x3) - float64(t.s*f3)
		i--
	}
	z0[i], z1[i], z2[i], z3[i] = f0, f1, f2, f3
}
