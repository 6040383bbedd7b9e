//go:build amd64 && !purego

package kernels

import "unsafe"

// winogradProductTiles is what assembly computes in one go, Tiles times Rows rows (4 to 6 on AVX2, 6 to 12 on AVX-512): the next tile's lie behind those of the one before. It prefetches NextStep bytes
// from Next on for each k.
type winogradProductTiles struct {
	A, W, C        *float32
	K, Rows, Tiles int
	Next           unsafe.Pointer
	NextStep       int
}

// winogradProductChunk bounds Rows x K of one call of assembly to about 20 microseconds, as it cannot be preempted.
const winogradProductChunk = 1 << 16

// tiles divides the rows evenly into tiles of at most mr, so that no tile has so few that it waits for its own sums.
func (t *WinogradProduct) tiles(isa ISA, mr, nr int) {
	tiles := int(uint32(t.Rows+mr-1) / uint32(mr))
	rows, larger := int(uint32(t.Rows)/uint32(tiles)), int(uint32(t.Rows)%uint32(tiles)) // of them with a row more
	step := 0
	if t.Next != nil {
		step = int(uint32(4*nr+tiles-1) / uint32(tiles))
	}
	for done, row := 0, 0; done < tiles; {
		part := winogradProductTiles{
			A: index(t.A, row*t.K), W: t.W, C: index(t.C, row*nr), K: t.K, Rows: rows, Tiles: tiles - done, Next: unsafe.Pointer(t.W), NextStep: step,
		}
		if done < larger {
			part.Rows, part.Tiles = rows+1, larger-done
		}
		if part.Tiles*part.Rows*t.K > winogradProductChunk {
			part.Tiles = max(1, winogradProductChunk/(part.Rows*t.K))
		}
		if t.Next != nil {
			part.Next = unsafe.Add(t.Next, done*t.K*step)
		}
		if isa == AVX512 {
			winogradProductAVX512(&part)
		} else {
			winogradProductAVX2(&part)
		}
		done, row = done+part.Tiles, row+part.Tiles*part.Rows
	}
}

//go:noescape
func winogradProductAVX512(t *winogradProductTiles)

//go:noescape
func winogradProductAVX2(t *winogradProductTiles)
