//go:build amd64 && !purego

package kernels

import "unsafe"

// winogradProductTiles is what assembly computes in one go, Tiles times Rows rows: the next tile's lie behind those of the one before. It prefetches NextStep bytes from Next on for each k.
type winogradProductTiles struct {
	A, W, C        *float32
	K, Rows, Tiles int
	Next           unsafe.Pointer
	NextStep       int
}

// winogradProductChunk bounds Rows x K of one call of assembly to about 20 microseconds, as it cannot be preempted.
const winogradProductChunk = 1 << 16

// tiles divides the rows evenly, so that no tile has so few that it waits for its own sums.
func (t *WinogradProduct) tiles() {
	const mr, nr = 6, 16
	tiles := (t.Rows + mr - 1) / mr
	larger := t.Rows % tiles // tiles with a row more
	for done, row := 0, 0; done < tiles; {
		part := winogradProductTiles{
			A: index(t.A, row*t.K), W: t.W, C: index(t.C, row*nr), K: t.K, Rows: t.Rows / tiles, Tiles: tiles - done, Next: unsafe.Pointer(t.W),
		}
		if done < larger {
			part.Rows, part.Tiles = part.Rows+1, larger-done
		}
		part.Tiles = min(part.Tiles, max(1, winogradProductChunk/(part.Rows*t.K)))
		if t.Next != nil {
			part.Next, part.NextStep = unsafe.Add(t.Next, done*t.K*4*nr/tiles), (4*nr+tiles-1)/tiles
		}
		winogradProductAVX2(&part)
		done, row = done+part.Tiles, row+part.Tiles*part.Rows
	}
}

//go:noescape
func winogradProductAVX2(t *winogradProductTiles)
