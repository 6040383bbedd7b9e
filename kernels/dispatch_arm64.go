//go:build !purego

package kernels

import "math"

const hasAssembly = true

// Gemm computes the tile t with rows rows, 1 to MR, of a panel of width nr, one of GemmPanels.
func (isa ISA) Gemm(nr, rows int, t *GemmTile) {
	shape := isa.panel(nr, rows)
	switch f16 := t.W16 != nil; {
	case isa == NEON && nr == 16 && f16:
		gemm16F16NEON(rows, t)
	case isa == NEON && nr == 16:
		gemm16NEON(rows, t)
	case isa == NEON && f16:
		gemm8F16NEON(rows, t)
	case isa == NEON:
		gemm8NEON(rows, t)
	default:
		gemmGeneric(shape, rows, t)
	}
}

func (isa ISA) gemmGrouped(rows, mr int, t *GemmTile) {
	switch {
	case isa == NEON && t.SegLen == 4:
		gemmGroups4NEON(rows, t)
	case isa == NEON:
		gemmGroups8NEON(rows, t)
	default:
		gemmGroupedGeneric(rows, mr, t)
	}
}

// packBlocks is Pack on NEON: N and Cols are multiples of 8.
func packBlocks(t *PanelPart) {
	switch {
	case t.DstF16:
		packF16(t)
	case t.SrcF16:
		packWidening(t)
	default:
		packF32(t)
	}
}

func (isa ISA) epilogue(e *Elementwise) {
	switch {
	case isa == NEON && !negativeZero(e.Hi):
		epilogueNEON(e)
	default:
		epilogueGeneric(e)
	}
}

func (isa ISA) maxPool(p *PoolRow) {
	switch isa {
	case NEON:
		maxPoolNEON(p)
	default:
		maxPoolGeneric(p)
	}
}

func (isa ISA) avgPool(p *PoolRow) {
	switch isa {
	case NEON:
		avgPoolNEON(p)
	default:
		avgPoolGeneric(p)
	}
}

// negativeZero tells whether hi, the upper bound of a clamp, is -0, where FMIN is not the contract's clamp: it would make -0 of +0.
func negativeZero(hi float32) bool { return math.Float32bits(hi) == 1<<31 }

func (isa ISA) winogradInput(t *WinogradInputTiles) {
	switch isa {
	case NEON:
		winogradInputNEON(t)
	default:
		winogradInputGeneric(t)
	}
}

func (isa ISA) winogradOutput(t *WinogradOutputTiles) {
	switch {
	case isa == NEON && !negativeZero(t.Hi):
		winogradOutputNEON(t)
	default:
		winogradOutputGeneric(t)
	}
}

func (isa ISA) winogradProduct(nr int, t *WinogradProduct) { t.gemm(isa, nr) }

func (isa ISA) winogradAxis(t *WinogradAxis) {
	switch {
	case isa == NEON && !negativeZero(t.Hi):
		winogradAxisNEON(t)
	default:
		winogradAxisGeneric(t)
	}
}

func (isa ISA) depthwise(t *DepthwiseRow) {
	switch {
	case isa == NEON && !negativeZero(t.Hi):
		depthwiseNEON(t)
	default:
		depthwiseGeneric(t)
	}
}

func (isa ISA) layerNorm(l *LayerNorm) {
	switch isa {
	case NEON:
		layerNormNEON(l)
	default:
		layerNormGeneric(l)
	}
}

func (isa ISA) activate(f Func, a *activationCall) {
	switch {
	case isa == NEON && f == Sigmoid:
		sigmoidNEON(a)
	case isa == NEON && f == SiLU:
		siluNEON(a)
	case isa == NEON && f == HardSigmoid:
		hardSigmoidNEON(a)
	case isa == NEON && f == HardSwish:
		hardSwishNEON(a)
	case isa == NEON && f == LeakyReLU:
		leakyReLUNEON(a)
	case isa == NEON && f == Tanh:
		tanhNEON(a)
	case isa == NEON && f == GELU:
		geluNEON(a)
	default:
		activateGeneric(f, a)
	}
}

func (isa ISA) idct(t *IDCTRow) {
	switch isa {
	case NEON:
		idctNEON(t)
	default:
		idctGeneric(t)
	}
}

func (isa ISA) upsampleH2V1(dst, in []uint8) bool {
	if isa == NEON {
		upsampleH2V1NEON(&dst[0], &in[0], len(in))
	}
	return isa == NEON
}

func (isa ISA) upsampleH2V2(dst, near, far []uint8) bool {
	if isa == NEON {
		upsampleH2V2NEON(&dst[0], &near[0], &far[0], len(near))
	}
	return isa == NEON
}

// yccMost is how many pixels one call converts: some ten microseconds.
const yccMost = 1 << 13

func (isa ISA) yccToRGB(dst, y, cb, cr []uint8) bool {
	for isa == NEON && len(y) > 0 {
		n := len(y)
		if n >= yccMost+yccLeast {
			n = yccMost
		}
		yccToRGBNEON(&dst[0], &y[0], &cb[0], &cr[0], n)
		dst, y, cb, cr = dst[3*n:], y[n:], cb[n:], cr[n:]
	}
	return isa == NEON
}

func (isa ISA) resampleColumns(dst, src []uint8, pitch int, k []int32) bool {
	if isa == NEON {
		resampleColumnsNEON(&dst[0], &src[0], len(dst), pitch, &k[0], len(k))
	}
	return isa == NEON
}

func (isa ISA) resamplesPixels() bool { return isa == NEON }

func (isa ISA) resamplePixels(dst, src *uint8, first, end, k *int32, n, start int) {
	resamplePixelsNEON(dst, src, first, end, k, n, start)
}

// fmaRounds does rounds of fmasPerRound FMAs and tells how many lanes each has.
func (isa ISA) fmaRounds(rounds int) (lanes int) {
	if isa == NEON {
		fmaRoundsNEON(rounds)
		return 4
	}
	fmaRoundsGeneric(rounds)
	return 1
}

//go:noescape
func winogradInputNEON(t *WinogradInputTiles)

//go:noescape
func winogradOutputNEON(t *WinogradOutputTiles)

//go:noescape
func depthwiseNEON(t *DepthwiseRow)

//go:noescape
func epilogueNEON(e *Elementwise)

//go:noescape
func maxPoolNEON(p *PoolRow)

//go:noescape
func avgPoolNEON(p *PoolRow)

//go:noescape
func winogradAxisNEON(t *WinogradAxis)

//go:noescape
func sigmoidNEON(a *activationCall)

//go:noescape
func siluNEON(a *activationCall)

//go:noescape
func hardSigmoidNEON(a *activationCall)

//go:noescape
func hardSwishNEON(a *activationCall)

//go:noescape
func leakyReLUNEON(a *activationCall)

//go:noescape
func tanhNEON(a *activationCall)

//go:noescape
func geluNEON(a *activationCall)

//go:noescape
func layerNormNEON(l *LayerNorm)

//go:noescape
func idctNEON(t *IDCTRow)

//go:noescape
func upsampleH2V1NEON(dst, in *uint8, n int)

//go:noescape
func upsampleH2V2NEON(dst, near, far *uint8, n int)

//go:noescape
func winogradFilters(t *winogradFilterTask)

//go:noescape
func fmaRoundsNEON(rounds int)

//go:noescape
func gemm16F16NEON(rows int, t *GemmTile)

//go:noescape
func gemm16NEON(rows int, t *GemmTile)

//go:noescape
func gemm8F16NEON(rows int, t *GemmTile)

//go:noescape
func gemm8NEON(rows int, t *GemmTile)

//go:noescape
func gemmGroups4NEON(rows int, t *GemmTile)

//go:noescape
func gemmGroups8NEON(rows int, t *GemmTile)

// widenBlocks is WidenF16 on NEON for n numbers, a multiple of 32.
//
//go:noescape
func widenBlocks(dst *float32, src *byte, n int)

//go:noescape
func packF32(t *PanelPart)

//go:noescape
func packWidening(t *PanelPart)

//go:noescape
func packF16(t *PanelPart)

//go:noescape
func yccToRGBNEON(dst, y, cb, cr *uint8, n int)

//go:noescape
func resampleColumnsNEON(dst, src *uint8, n, pitch int, k *int32, taps int)

//go:noescape
func resamplePixelsNEON(dst, src *uint8, first, end, k *int32, n, start int)
