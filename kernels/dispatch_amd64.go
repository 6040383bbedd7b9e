//go:build amd64 && !purego

package kernels

const hasAssembly = true

// Gemm computes the tile t with rows rows, 1 to MR, of a panel of width nr, one of GemmPanels.
func (isa ISA) Gemm(nr, rows int, t *GemmTile) {
	shape := isa.panel(nr, rows)
	switch f16 := t.W16 != nil; {
	case isa == AVX512 && nr == 64 && f16:
		gemm64F16AVX512(rows, t)
	case isa == AVX512 && nr == 64:
		gemm64AVX512(rows, t)
	case isa == AVX512 && nr == 32 && f16:
		gemm32F16AVX512(rows, t)
	case isa == AVX512 && nr == 32:
		gemm32AVX512(rows, t)
	case isa == AVX512 && nr == 24 && f16:
		gemm24F16AVX512(rows, t)
	case isa == AVX512 && nr == 24:
		gemm24AVX512(rows, t)
	case isa == AVX512 && f16:
		gemm16F16AVX512(rows, t)
	case isa == AVX512:
		gemm16AVX512(rows, t)
	case isa == AVX2 && nr == 16 && f16:
		gemm16F16AVX2(rows, t)
	case isa == AVX2 && nr == 16:
		gemm16AVX2(rows, t)
	case isa == AVX2 && nr == 24 && f16:
		gemm24F16AVX2(rows, t)
	case isa == AVX2 && nr == 24:
		gemm24AVX2(rows, t)
	case isa == AVX2 && f16:
		gemm8F16AVX2(rows, t)
	case isa == AVX2:
		gemm8AVX2(rows, t)
	default:
		gemmGeneric(shape, rows, t)
	}
}

func (isa ISA) gemmGrouped(rows, mr int, t *GemmTile) {
	switch {
	case isa == AVX512 && t.SegLen == 4:
		gemmGroups4AVX512(rows, t)
	case isa == AVX512:
		gemmGroups8AVX512(rows, t)
	case isa == AVX2 && t.SegLen == 8:
		gemmGroups8AVX2(rows, t)
	case isa == AVX2:
		gemmGroups4AVX2(rows, t)
	default:
		gemmGroupedGeneric(rows, mr, t)
	}
}

func (isa ISA) epilogue(e *Elementwise) {
	switch isa {
	case AVX512:
		epilogueAVX512(e)
	case AVX2:
		epilogueAVX2(e)
	default:
		epilogueGeneric(e)
	}
}

func (isa ISA) maxPool(p *PoolRow) {
	switch isa {
	case AVX512:
		maxPoolAVX512(p)
	case AVX2:
		maxPoolAVX2(p)
	default:
		maxPoolGeneric(p)
	}
}

func (isa ISA) avgPool(p *PoolRow) {
	switch isa {
	case AVX512:
		avgPoolAVX512(p)
	case AVX2:
		avgPoolAVX2(p)
	default:
		avgPoolGeneric(p)
	}
}

// packBlocks is Pack on AVX2: N and Cols are multiples of 8.
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

func (isa ISA) winogradInput(t *WinogradInputTiles) {
	switch isa {
	case AVX512:
		winogradInputAVX512(t)
	case AVX2:
		winogradInputAVX2(t)
	default:
		winogradInputGeneric(t)
	}
}

func (isa ISA) winogradOutput(t *WinogradOutputTiles) {
	switch isa {
	case AVX512:
		winogradOutputAVX512(t)
	case AVX2:
		winogradOutputAVX2(t)
	default:
		winogradOutputGeneric(t)
	}
}

func (isa ISA) winogradProduct(nr int, t *WinogradProduct) {
	switch { // the few rows of which no even cut makes tiles that the assembly has are left to the GEMM
	case t.Rows >= 4 && t.Rows != 7 && (isa == AVX512 && nr == 64 || isa == AVX2 && nr == 16):
		t.tiles(isa, nr)
	default:
		t.gemm(isa, nr)
	}
}

func (isa ISA) winogradAxis(t *WinogradAxis) {
	switch isa {
	case AVX512:
		winogradAxisAVX512(t)
	case AVX2:
		whole := t.Channels &^ 7
		if whole > 0 {
			winogradAxisAVX2(t)
		}
		if whole < t.Channels {
			rest := t.from(whole)
			winogradAxisGeneric(&rest)
		}
	default:
		winogradAxisGeneric(t)
	}
}

func (isa ISA) depthwise(t *DepthwiseRow) {
	switch isa {
	case AVX512:
		depthwiseAVX512(t)
	case AVX2:
		t.avx2()
	default:
		depthwiseGeneric(t)
	}
}

// avx2 leaves windows of 5x5 to their own loop, as far as it takes them: seven outputs and 8 channels at a time.
func (t *DepthwiseRow) avx2() {
	outputs, channels := t.Outputs/7*7, t.Channels
	if channels&7 != 0 {
		channels &^= 15
	}
	if t.Rows != 5 || t.Cols != 5 || t.Dilation != 1 || t.Stride > 2 || outputs == 0 || channels == 0 {
		depthwiseAVX2(t)
		return
	}
	sharing := t.part(0, outputs, 0, channels)
	depthwise5AVX2(&sharing)
	if outputs < t.Outputs {
		rest := t.part(outputs, t.Outputs-outputs, 0, channels)
		depthwiseAVX2(&rest)
	}
	if channels < t.Channels {
		rest := t.part(0, t.Outputs, channels, t.Channels-channels)
		depthwiseAVX2(&rest)
	}
}

func (isa ISA) layerNorm(l *LayerNorm) {
	switch isa {
	case AVX512:
		layerNormAVX512(l)
	case AVX2:
		layerNormAVX2(l)
	default:
		layerNormGeneric(l)
	}
}

func (isa ISA) activate(f Func, a *activationCall) {
	switch {
	case isa == AVX512 && f == Sigmoid:
		sigmoidAVX512(a)
	case isa == AVX512 && f == SiLU:
		siluAVX512(a)
	case isa == AVX512 && f == HardSigmoid:
		hardSigmoidAVX512(a)
	case isa == AVX512 && f == HardSwish:
		hardSwishAVX512(a)
	case isa == AVX512 && f == LeakyReLU:
		leakyReLUAVX512(a)
	case isa == AVX512 && f == Tanh:
		tanhAVX512(a)
	case isa == AVX512 && f == GELU:
		geluAVX512(a)
	case isa == AVX2 && f == Sigmoid:
		sigmoidAVX2(a)
	case isa == AVX2 && f == SiLU:
		siluAVX2(a)
	case isa == AVX2 && f == HardSigmoid:
		hardSigmoidAVX2(a)
	case isa == AVX2 && f == HardSwish:
		hardSwishAVX2(a)
	case isa == AVX2 && f == LeakyReLU:
		leakyReLUAVX2(a)
	case isa == AVX2 && f == Tanh:
		tanhAVX2(a)
	case isa == AVX2 && f == GELU:
		geluAVX2(a)
	default:
		activateGeneric(f, a)
	}
}

// CPUs with AVX-512 run what was written for AVX2 on bytes and words.

func (isa ISA) idct(t *IDCTRow) {
	switch {
	case isa != Generic && t.N > 1:
		idctAVX2(t, t.N&^1)
		if last := t.N - 1; t.N&1 != 0 { // once more with the block before it
			rest := t.from(last - 1)
			idctAVX2(&rest, 2)
		}
	default:
		idctGeneric(t)
	}
}

func (isa ISA) upsampleH2V1(dst, in []uint8) bool {
	if isa != Generic {
		upsampleH2V1AVX2(&dst[0], &in[0], len(in))
	}
	return isa != Generic
}

func (isa ISA) upsampleH2V2(dst, near, far []uint8) bool {
	if isa != Generic {
		upsampleH2V2AVX2(&dst[0], &near[0], &far[0], len(near))
	}
	return isa != Generic
}

func (isa ISA) yccToRGB(dst, y, cb, cr []uint8) bool {
	if isa != Generic {
		yccToRGBAVX2(&dst[0], &y[0], &cb[0], &cr[0], len(y))
	}
	return isa != Generic
}

func (isa ISA) resampleColumns(dst, src []uint8, pitch int, k []int32) bool {
	if isa != Generic {
		resampleColumnsAVX2(&dst[0], &src[0], len(dst), pitch, &k[0], len(k))
	}
	return isa != Generic
}

func (isa ISA) resamplesPixels() bool { return isa != Generic }

func (isa ISA) resamplePixels(dst, src *uint8, first, end, k *int32, n, start int) {
	resamplePixelsAVX2(dst, src, first, end, k, n, start)
}

// fmaRounds does rounds of fmasPerRound FMAs and tells how many lanes each has.
func (isa ISA) fmaRounds(rounds int) (lanes int) {
	switch {
	case isa == AVX512 && isa.Supported():
		fmaRoundsAVX512(rounds)
		return 16
	case isa == AVX2 && isa.Supported():
		fmaRoundsAVX2(rounds)
		return 8
	}
	fmaRoundsGeneric(rounds)
	return 1
}

//go:noescape
func gemm64F16AVX512(rows int, t *GemmTile)

//go:noescape
func gemm32F16AVX512(rows int, t *GemmTile)

//go:noescape
func gemm24F16AVX512(rows int, t *GemmTile)

//go:noescape
func gemm16F16AVX512(rows int, t *GemmTile)

//go:noescape
func gemm16F16AVX2(rows int, t *GemmTile)

//go:noescape
func gemm24F16AVX2(rows int, t *GemmTile)

//go:noescape
func gemm8F16AVX2(rows int, t *GemmTile)

//go:noescape
func gemm64AVX512(rows int, t *GemmTile)

//go:noescape
func gemm32AVX512(rows int, t *GemmTile)

//go:noescape
func gemm24AVX512(rows int, t *GemmTile)

//go:noescape
func gemm16AVX512(rows int, t *GemmTile)

//go:noescape
func gemm16AVX2(rows int, t *GemmTile)

//go:noescape
func gemm24AVX2(rows int, t *GemmTile)

//go:noescape
func gemm8AVX2(rows int, t *GemmTile)

//go:noescape
func fmaRoundsAVX512(rounds int)

//go:noescape
func fmaRoundsAVX2(rounds int)

//go:noescape
func epilogueAVX512(e *Elementwise)

//go:noescape
func epilogueAVX2(e *Elementwise)

//go:noescape
func maxPoolAVX512(p *PoolRow)

//go:noescape
func maxPoolAVX2(p *PoolRow)

//go:noescape
func avgPoolAVX512(p *PoolRow)

//go:noescape
func avgPoolAVX2(p *PoolRow)

//go:noescape
func winogradFilters(t *winogradFilterTask)

// widenBlocks is WidenF16 on AVX2 for n numbers, a multiple of 32.
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
func winogradInputAVX512(t *WinogradInputTiles)

//go:noescape
func winogradOutputAVX512(t *WinogradOutputTiles)

//go:noescape
func winogradInputAVX2(t *WinogradInputTiles)

//go:noescape
func winogradOutputAVX2(t *WinogradOutputTiles)

//go:noescape
func winogradAxisAVX512(t *WinogradAxis)

//go:noescape
func winogradAxisAVX2(t *WinogradAxis)

//go:noescape
func depthwiseAVX512(t *DepthwiseRow)

//go:noescape
func depthwiseAVX2(t *DepthwiseRow)

//go:noescape
func depthwise5AVX2(t *DepthwiseRow)

//go:noescape
func sigmoidAVX512(a *activationCall)

//go:noescape
func siluAVX512(a *activationCall)

//go:noescape
func hardSigmoidAVX512(a *activationCall)

//go:noescape
func hardSwishAVX512(a *activationCall)

//go:noescape
func leakyReLUAVX512(a *activationCall)

//go:noescape
func tanhAVX512(a *activationCall)

//go:noescape
func geluAVX512(a *activationCall)

//go:noescape
func sigmoidAVX2(a *activationCall)

//go:noescape
func siluAVX2(a *activationCall)

//go:noescape
func hardSigmoidAVX2(a *activationCall)

//go:noescape
func hardSwishAVX2(a *activationCall)

//go:noescape
func leakyReLUAVX2(a *activationCall)

//go:noescape
func tanhAVX2(a *activationCall)

//go:noescape
func geluAVX2(a *activationCall)

//go:noescape
func layerNormAVX512(l *LayerNorm)

//go:noescape
func layerNormAVX2(l *LayerNorm)

//go:noescape
func gemmGroups4AVX512(rows int, t *GemmTile)

//go:noescape
func gemmGroups8AVX512(rows int, t *GemmTile)

//go:noescape
func gemmGroups4AVX2(rows int, t *GemmTile)

//go:noescape
func gemmGroups8AVX2(rows int, t *GemmTile)

// idctAVX2 transforms n of t's blocks, an even number.
//
//go:noescape
func idctAVX2(t *IDCTRow, n int)

//go:noescape
func upsampleH2V1AVX2(dst, in *uint8, n int)

//go:noescape
func upsampleH2V2AVX2(dst, near, far *uint8, n int)

//go:noescape
func yccToRGBAVX2(dst, y, cb, cr *uint8, n int)

//go:noescape
func resampleColumnsAVX2(dst, src *uint8, n, pitch int, k *int32, taps int)

//go:noescape
func resamplePixelsAVX2(dst, src *uint8, first, end, k *int32, n, start int)
