package kernels

// winogradFilterTask is the arguments of the assembly of Panel, which reads it by its offsets: filters of some channels, 16 columns at a time. The two sparse matrices are lists: for each row a
// term with the number of its others in at, then those.
type winogradFilterTask struct {
	g, u        *float32
	channels    int
	taps        int           // bytes of the taps of a channel
	columns     int           // bytes of a tap's columns, a multiple of 64
	uStride     int           // bytes from frequency to frequency
	rows        *winogradTerm // of y's matrix, at: bytes from a channel's first tap
	products    int           // of y
	xTaps       int
	terms, end  *winogradTerm // of x's matrix, at: bytes from t
	inverses    *float64
	frequencies int
	t           *float64 // [xTaps][16], scratch
	gathered    *float32 // [frequencies][columns], scratch
}

// winogradTerm is a factor and where what it multiplies lies.
type winogradTerm struct {
	at     int
	factor float64
}

// winogradTerms lists the rows of a matrix: its columns are step bytes apart.
func winogradTerms(matrix []float64, columns, step int) (list []winogradTerm) {
	for ; len(matrix) > 0; matrix = matrix[columns:] {
		head := len(list)
		list = append(list, winogradTerm{})
		for i, v := range matrix[:columns] {
			if v != 0 {
				list = append(list, winogradTerm{i * step, v})
			}
		}
		list[head].at = len(list) - head - 1
	}
	return list
}

// winogradFilterChunk bounds the filters x frequencies of one call of assembly to a few microseconds, fifty on Cortex-A55.
const winogradFilterChunk = 1 << 14

// Panel is Transform for all filters of a panel and several channels, with a kernel of the instruction set: g [channels][y.R][x.R][n] with the n of
// NewWinogradFilters, frequency k of filter i of channel c goes to u[k*stride+c*n+i].
func (f *WinogradFilters) Panel(isa ISA, u []float32, stride int, g []float32, channels int) {
	taps, frequencies := f.y.R*f.x.R*f.n, f.y.Products*f.x.Products
	if isa == Generic || f.n%16 != 0 {
		for c := range channels {
			f.Transform(u[c*f.n:], stride, g[c*taps:(c+1)*taps], f.n)
		}
		return
	}
	_, _ = u[(frequencies-1)*stride+channels*f.n-1], g[channels*taps-1]
	if f.task.gathered == nil {
		f.task = winogradFilterTask{
			taps: 4 * taps, columns: 4 * f.n,
			rows: &winogradTerms(f.y.Filter, f.y.R, 4*f.x.R*f.n)[0], products: f.y.Products, xTaps: f.x.R,
			inverses: &f.inverses[0], frequencies: frequencies,
			t: &make([]float64, 16*f.x.R)[0], gathered: &make([]float32, frequencies*f.n)[0],
		}
		terms := append(winogradTerms(f.x.Filter, f.x.R, 8*16), winogradTerm{})
		f.task.terms, f.task.end = &terms[0], &terms[len(terms)-1]
	}
	f.task.uStride = 4 * stride
	step := max(1, winogradFilterChunk/(frequencies*f.n))
	for c := 0; c < channels; c += step {
		f.task.g, f.task.u, f.task.channels = &g[c*taps], &u[c*f.n], min(step, channels-c)
		winogradFilters(&f.task)
	}
}
