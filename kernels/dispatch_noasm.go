//go:build (!amd64 && !arm64) || purego

package kernels

const hasAssembly = false

// Gemm computes the tile t with rows rows, 1 to MR, of a panel of width nr, one of GemmPanels.
func (isa ISA) Gemm(nr, rows int, t *GemmTile) {
	gemmGeneric(isa.panel(nr, rows), rows, t)
}

func (isa ISA) gemmGrouped(rows, mr int, t *GemmTile) { gemmGroupedGeneric(rows, mr, t) }

func (isa ISA) epilogue(e *Elementwise) { epilogueGeneric(e) }

func (isa ISA) maxPool(p *PoolRow) { maxPoolGeneric(p) }

func (isa ISA) avgPool(p *PoolRow) { avgPoolGeneric(p) }

func winogradFilters(*winogradFilterTask) {}

func widenBlocks(*float32, *byte, int) {}

func packBlocks(t *PanelPart) { packGeneric(t) }

func (isa ISA) winogradInput(t *WinogradInputTiles) { winogradInputGeneric(t) }

func (isa ISA) winogradOutput(t *WinogradOutputTiles) { winogradOutputGeneric(t) }

func (isa ISA) winogradProduct(nr int, t *WinogradProduct) { t.gemm(isa, nr) }

func (isa ISA) winogradAxis(t *WinogradAxis) { winogradAxisGeneric(t) }

func (isa ISA) depthwise(t *DepthwiseRow) { depthwiseGeneric(t) }

func (isa ISA) layerNorm(l *LayerNorm) { layerNormGeneric(l) }

func (isa ISA) activate(f Func, a *activationCall) { activateGeneric(f, a) }

func (isa ISA) idct(t *IDCTRow) { idctGeneric(t) }

func (isa ISA) upsampleH2V1(dst, in []uint8) bool { return false }

func (isa ISA) upsampleH2V2(dst, near, far []uint8) bool { return false }

func (isa ISA) yccToRGB(dst, y, cb, cr []uint8) bool { return false }

func (isa ISA) resampleColumns(dst, src []uint8, pitch int, k []int32) bool { return false }

func (isa ISA) resamplesPixels() bool { return false }

func (isa ISA) resamplePixels(dst, src *uint8, first, end, k *int32, n, start int) {}

// fmaRounds does rounds of fmasPerRound FMAs and tells how many lanes each has.
func (isa ISA) fmaRounds(rounds int) (lanes int) {
	fmaRoundsGeneric(rounds)
	return 1
}
