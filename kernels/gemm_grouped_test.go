package kernels

import (
	"fmt"
	"math"
	"testing"
	"unsafe"
)

func TestGemmGrouped(t *testing.T) {
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			eachISA(t, "gemmgrouped", func(t *testing.T, isa ISA) {
				r := newRand(15)
				mr := isa.GemmPanels()[0].MR
				bit := func() bool { return r.IntN(2) == 0 }
				for _, width := range []int{4, 8} {
					for rows := 1; rows <= mr; rows++ {
						for cols := isa.groupsUnit(width); cols <= groupsWidth; cols += isa.groupsUnit(width) {
							what := fmt.Sprintf("%d rows, %d columns in groups of %d", rows, cols, width)
							segs, special, gap := 1+r.IntN(10), r.IntN(3) == 0, r.IntN(3)
							buffer := func(n int) []float32 {
								s := p.alloc(t, n)
								fill(r, s, special)
								return s
							}
							n := cols * (2 + rows*segs/2)
							a, w, acc := buffer(n), buffer(segs*width*groupsWidth), buffer(mr*groupsWidth)
							scale, shift := buffer(groupsWidth), buffer(groupsWidth)
							res, c := buffer((rows-1)*(cols+gap)+cols), buffer((rows-1)*(cols+gemmGap)+cols)
							entries := (segs-1)*mr + rows
							off := unsafe.Slice((*int64)(unsafe.Pointer(&p.alloc(t, 2*entries)[0])), entries)
							for i := range off {
								off[i] = math.MinInt64 / 2 // whoever reads here crashes
								if i%mr < rows {
									off[i] = 4 * int64(r.IntN(n-cols+1))
								}
							}
							off[0], off[entries-1] = 0, 4*int64(n-cols)
							tile := GemmTile{
								A: unsafe.Pointer(&a[0]), Off: &off[0], W: &w[0], Segments: segs, SegLen: width, First: bit(), Last: r.IntN(4) > 0, Acc: &acc[0],
								C: &c[0], CStride: 4 * (cols + gemmGap), Cols: cols, Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1)),
							}
							if bit() {
								tile.Scale, tile.Shift = &scale[0], &shift[0]
							}
							if bit() {
								tile.Res, tile.ResStride = &res[0], 4*(cols+gap)
							}
							if bit() {
								tile.Lo, tile.Hi = 0, 6
							}
							// Each group by itself is a plain product.
							wantC, wantAcc := append([]float32(nil), c...), append([]float32(nil), acc...)
							for row := range rows {
								for col := range cols {
									var v float32
									if !tile.First {
										v = acc[row*groupsWidth+col]
									}
									for s := range segs {
										for i := range width {
											v = fma32(a[int(off[s*mr+row])/4+col/width*width+i], w[(s*width+i)*groupsWidth+col], v)
										}
									}
									if !tile.Last {
										wantAcc[row*groupsWidth+col] = v
										continue
									}
									if tile.Scale != nil {
										v = fma32(v, scale[col], shift[col])
									}
									if tile.Res != nil {
										v += res[row*(cols+gap)+col]
									}
									wantC[row*(cols+gemmGap)+col] = clamp(v, tile.Lo, tile.Hi)
								}
							}
							isa.GemmGrouped(rows, &tile)
							mustEqual(t, what, c, wantC)
							if tile.Last {
								mustEqual(t, what, acc, wantAcc)
							}
							for row := range rows {
								mustEqual(t, what, acc[row*groupsWidth:][:cols], wantAcc[row*groupsWidth:][:cols])
							}
						}
					}
				}
			})
		})
	}
}

// TestGroupRun compares panels with groups of their own in one call with one call for each; where that is one panel a call, its AStep has no effect.
func TestGroupRun(t *testing.T) {
	eachISA(t, "gemmgrouped", func(t *testing.T, isa ISA) {
		r := newRand(16)
		mr := isa.GemmPanels()[0].MR
		for i := range 80 * mr {
			rows, panels, segs, alloc := 1+i%mr, 1+r.IntN(isa.GroupRun()), 1+r.IntN(10), placements[i%len(placements)].alloc
			grouped := isa == Generic || r.IntN(2) == 0 // Generic has no other panels of 16 columns
			segLen := 4 << r.IntN(2)
			inputs, unit := groupsWidth, isa.groupsUnit(segLen) // several groups a panel
			if !grouped {                                       // one, of any size
				segLen = 1 + r.IntN(20)
				inputs, unit = segLen, 1
			}
			buffer := func(n int) []float32 {
				s := alloc(t, n)
				fill(r, s, false)
				return s
			}
			last := unit * (1 + r.IntN(groupsWidth/unit)) // columns of the last panel
			cols := (panels-1)*groupsWidth + last
			channels := (panels-1)*inputs + segLen
			if grouped {
				channels = cols
			}
			a, w := buffer(channels*(rows+segs)), buffer(panels*segs*segLen*groupsWidth)
			scale, shift, c := buffer(panels*groupsWidth), buffer(panels*groupsWidth), buffer(rows*cols)
			off := make([]int64, segs*mr)
			for i := range off {
				off[i] = 4 * int64(channels*r.IntN(rows+segs))
			}
			tile := GemmTile{
				A: unsafe.Pointer(&a[0]), Off: &off[0], W: &w[0], Segments: segs, SegLen: segLen, First: true, Last: true, Scale: &scale[0], Shift: &shift[0],
				C: &c[0], CStride: 4 * cols, Cols: last, Lo: -1, Hi: 1, Panels: panels, AStep: 4 * inputs,
			}
			call := func(tile *GemmTile) {
				if grouped {
					isa.GemmGrouped(rows, tile)
				} else {
					isa.Gemm(groupsWidth, rows, tile)
				}
			}
			want := make([]float32, len(c))
			for p := range panels {
				one := tile
				one.A, one.W, one.Panels, one.AStep, one.Cols = unsafe.Add(tile.A, p*tile.AStep), &w[p*segs*segLen*groupsWidth], 1, 0, groupsWidth
				one.Scale, one.Shift, one.C = &scale[p*groupsWidth], &shift[p*groupsWidth], &want[p*groupsWidth]
				if p == panels-1 {
					one.Cols = last
				}
				call(&one)
			}
			call(&tile)
			mustEqual(t, fmt.Sprintf("%d rows, %d panels, the last of %d columns, segments %d x %d, grouped %v", rows, panels, last, segs, segLen, grouped), c, want)
		}
	})
}
