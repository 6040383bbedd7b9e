//go:build amd64 && !purego

package kernels

import "unsafe"

// winogradProductTiles is what assembly computes in one go, Tiles times Rows rows, 4 to 6: the next tile's lie behind those of the one before. It prefetches NextStep bytes
// from Next on for each k.
type winogradProductTiles struct {
	A, W, C        *float32
	K, Rows, Tiles int
	AStride        int  // bytes from row to row of A; on AVX2 those of K
	Add            bool // to what C holds; not on AVX2
	Next           unsafe.Pointer
	NextStep       int
}

// winogradProductChunk bounds the multiply-adds of one call of assembly to about 20 microseconds, as it cannot be preempted.
const winogradProductChunk = 1 << 20

// tiles divides the rows evenly into tiles of 4 to 6, so that no tile has so few that it waits for its own sums, and as many, where it can, that a prefetch for each k reaches all lines of the
// next weights. On AVX-512 K comes in parts whose weights stay in L1 for all tiles.
func (t *WinogradProduct) tiles(isa ISA, nr int) {
	tiles, step := int(uint32(t.Rows+5)/6), 0
	if t.Next != nil {
		tiles = max(tiles, min(4*nr/64, t.Rows/4))
		step = int(uint32(4*nr+tiles-1) / uint32(tiles))
	}
	rows, larger := int(uint32(t.Rows)/uint32(tiles)), int(uint32(t.Rows)%uint32(tiles)) // of them with a row more
	parts := 1
	if isa == AVX512 {
		parts = int(uint32(t.K+isa.GemmNear()-1) / uint32(isa.GemmNear()))
	}
	for i := range parts {
		k, end := int(uint32(i*t.K)/uint32(parts)), int(uint32((i+1)*t.K)/uint32(parts))
		for done, row := 0, 0; done < tiles; {
			part := winogradProductTiles{
				A: index(t.A, row*t.K+k), W: index(t.W, k*nr), C: index(t.C, row*nr), K: end - k, Rows: rows, Tiles: tiles - done,
				AStride: 4 * t.K, Add: k > 0, Next: unsafe.Pointer(t.W), NextStep: step,
			}
			if done < larger {
				part.Rows, part.Tiles = rows+1, larger-done
			}
			if part.Tiles*part.Rows*part.K*nr > winogradProductChunk {
				part.Tiles = max(1, winogradProductChunk/(part.Rows*part.K*nr))
			}
			if t.Next != nil {
				part.Next = unsafe.Add(t.Next, 4*k*nr+done*part.K*step)
			}
			if isa == AVX512 {
				winogradProductAVX512(&part)
			} else {
				winogradProductAVX2(&part)
			}
			done, row = done+part.Tiles, row+part.Tiles*part.Rows
		}
	}
}

//go:noescape
func winogradProductAVX512(t *winogradProductTiles)

//go:noescape
func winogradProductAVX2(t *winogradProductTiles)
