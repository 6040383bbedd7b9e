package engine

// resizeStep mixes neighbouring pixels, in float64: first those of a row, then the rows, each from the lower coordinate on.
type resizeStep struct {
	from, to   *value
	rows, cols [][]mix // by output row and column
}

// mix is an input row or column and its weight.
type mix struct {
	at     int
	weight float64
}

func newResizeStep(from, to *value, op *Resize) *resizeStep {
	axis := func(n, out int, scale float64) [][]mix {
		first, weights := op.taps(n, out, scale)
		list := make([][]mix, out)
		for i := range list {
			for j, weight := range weights[i] {
				list[i] = append(list[i], mix{min(max(first[i]+j, 0), n-1), weight})
			}
		}
		return list
	}
	return &resizeStep{from, to, axis(from.shape.H, to.shape.H, op.ScaleH), axis(from.shape.W, to.shape.W, op.ScaleW)}
}

func (s *resizeStep) prepare(*Plan) {}

func (s *resizeStep) items(n, _ int) int { return n * s.to.shape.H }

func (s *resizeStep) run(w *worker, _, item int) {
	in, out := s.from, s.to
	picture, y := item/out.shape.H, item%out.shape.H
	const block = 64
	for x := range out.shape.W {
		for c0 := 0; c0 < out.shape.C; c0 += block {
			dst := w.floats(out.at()+(item*out.shape.W+x)*out.stride+c0, min(block, out.shape.C-c0))
			var total [block]float64
			for _, row := range s.rows[y] {
				var sum [block]float64
				for _, col := range s.cols[x] {
					for c, v := range w.floats(in.at()+((picture*in.shape.H+row.at)*in.shape.W+col.at)*in.stride+c0, len(dst)) {
						sum[c] += float64(col.weight * float64(v))
					}
				}
				for c := range dst {
					total[c] += float64(row.weight * sum[c])
				}
			}
			for c := range dst {
				dst[c] = float32(total[c])
			}
		}
	}
}
