//go:build heif && nodynamic

package image

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
	_ "unsafe" // for go:linkname

	_ "github.com/gen2brain/avif"
	_ "github.com/gen2brain/heic"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// libavif with libaom, and libheif with libde265, compiled to WebAssembly. The modules that hold them are called past: they give pixels in memory that they have freed
// (the first 24 of a HEIC are others by then), take rows for shorter than they are below 128 pixels, and bound neither time nor memory.
//
//go:linkname avifProgram github.com/gen2brain/avif.decodeWasm
var avifProgram []byte

//go:linkname heicProgram github.com/gen2brain/heic.heifWasm
var heicProgram []byte

const (
	heifTime  = time.Minute // for one picture
	heifPages = 1 << 15     // of 64 KB
)

func init() {
	heifPixels = func(data []byte, f *heif) (m *RGB, err error) {
		run := avifSandbox.run
		if f.kind == "HEIC" {
			run = heicSandbox.run
		}
		ctx, stop := context.WithTimeout(context.Background(), heifTime)
		defer stop()
		err = run(ctx, func(c *sandboxed) error {
			in, err := c.store(data)
			if err != nil {
				return err
			}
			if f.kind == "HEIC" {
				m, err = c.heic(in, len(data), f)
			} else {
				m, err = c.avif(in, len(data))
			}
			return err
		})
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = fmt.Errorf("decoding takes more than %v", heifTime)
		}
		if err != nil {
			return nil, fmt.Errorf("broken %s: %w", f.kind, err)
		}
		return m, nil
	}
}

// sandbox compiles a program once; each picture then has a memory of its own.
type sandbox struct {
	program *[]byte
	once    sync.Once
	runtime wazero.Runtime
	code    wazero.CompiledModule
	err     error
}

var avifSandbox, heicSandbox = &sandbox{program: &avifProgram}, &sandbox{program: &heicProgram}

func (s *sandbox) compile() error {
	unzip, err := gzip.NewReader(bytes.NewReader(*s.program))
	if err != nil {
		return err
	}
	program, err := io.ReadAll(unzip)
	if err != nil {
		return err
	}
	ctx := context.Background()
	s.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCloseOnContextDone(true).WithMemoryLimitPages(heifPages))
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, s.runtime); err != nil {
		return err
	}
	s.code, err = s.runtime.CompileModule(ctx, program)
	return err
}

func (s *sandbox) run(ctx context.Context, use func(*sandboxed) error) error {
	s.once.Do(func() { s.err = s.compile() })
	if s.err != nil {
		return s.err
	}
	module, err := s.runtime.InstantiateModule(ctx, s.code, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		return err
	}
	defer module.Close(context.Background())
	return use(&sandboxed{ctx, module})
}

// sandboxed is a program with its memory.
type sandboxed struct {
	ctx    context.Context
	module api.Module
}

var errSandbox = errors.New("the decoder does not read it")

func (c *sandboxed) call(name string, arguments ...uint64) (uint64, error) {
	f := c.module.ExportedFunction(name)
	if f == nil {
		return 0, fmt.Errorf("no function %s", name)
	}
	results, err := f.Call(c.ctx, arguments...)
	if err != nil || len(results) == 0 {
		return 0, errSandbox // a stack trace of the decoder says nothing to users
	}
	return results[0], nil
}

func (c *sandboxed) room(bytes int) (uint64, error) {
	at, err := c.call("malloc", uint64(bytes))
	if err == nil && at == 0 {
		err = errors.New("the decoder has not enough memory")
	}
	return at, err
}

func (c *sandboxed) store(data []byte) (uint64, error) {
	at, err := c.room(len(data))
	if err == nil && !c.module.Memory().Write(uint32(at), data) {
		err = errSandbox
	}
	return at, err
}

// decode calls the program twice: for the numbers that it says of the picture, and for its samples, of which size says how many bytes they take.
func (c *sandboxed) decode(first []uint64, numbers int, more func() ([]uint64, error), size func(numbers []int) (int, error)) ([]int, []byte, error) {
	at, err := c.room(4 * numbers)
	if err != nil {
		return nil, nil, err
	}
	last, err := more()
	if err != nil {
		return nil, nil, err
	}
	said := make([]int, numbers)
	once := func(onlyNumbers, out uint64) error {
		arguments := append([]uint64{first[0], first[1], onlyNumbers}, first[2:]...)
		for i := range said {
			arguments = append(arguments, at+4*uint64(i))
		}
		ok, err := c.call("decode", append(append(arguments, last...), out)...)
		if err == nil && ok == 0 {
			err = errSandbox
		}
		for i := range said {
			v, _ := c.module.Memory().ReadUint32Le(uint32(at) + 4*uint32(i))
			said[i] = int(v)
		}
		return err
	}
	if err := once(1, 0); err != nil {
		return nil, nil, err
	}
	n, err := size(said)
	if err != nil {
		return nil, nil, err
	}
	out, err := c.room(n)
	if err != nil {
		return nil, nil, err
	}
	if err := once(0, out); err != nil {
		return nil, nil, err
	}
	pix, ok := c.module.Memory().Read(uint32(out), uint32(n))
	if !ok {
		return nil, nil, errSandbox
	}
	return said, pix, nil
}

// maxHEIFSide bounds what is multiplied in 32 bits inside.
const maxHEIFSide = 1 << 16

func heifBytes(w, h, perPixel int) (int, error) {
	if w < 1 || h < 1 || w >= maxHEIFSide || h >= maxHEIFSide || int64(w)*int64(h)*int64(perPixel) > heifPages<<15 {
		return 0, fmt.Errorf("%d x %d pixels are too many for its decoder", w, h)
	}
	return w * h * perPixel, nil
}

// avif gives RGBA of 8 or 16 bits, multiplied by alpha.
func (c *sandboxed) avif(in uint64, n int) (*RGB, error) {
	bytesOf := func(depth int) int {
		if depth > 8 {
			return 8
		}
		return 4
	}
	const firstOnly = 0
	// The program gives how long a frame is to be shown once it has decoded it, and nothing else tells that it has.
	var delay uint64
	unwritten := [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	said, pix, err := c.decode([]uint64{in, uint64(n), firstOnly}, 4, func() (_ []uint64, err error) {
		delay, err = c.store(unwritten[:])
		return []uint64{delay}, err
	}, func(said []int) (int, error) { return heifBytes(said[0], said[1], bytesOf(said[2])) })
	if err != nil {
		return nil, err
	}
	if shown, ok := c.module.Memory().Read(uint32(delay), uint32(len(unwritten))); !ok || bytes.Equal(shown, unwritten[:]) {
		return nil, errSandbox
	}
	m, size := NewRGB(said[0], said[1]), bytesOf(said[2])
	step := size / 4
	high := step - 1 // little-endian
	for i, j := 0, high; i < len(m.Pix); i, j = i+3, j+size {
		a := int(pix[j+3*step])
		for k := range 3 {
			v := int(pix[j+k*step])
			if a > 0 && a < 255 {
				v = min((v*255+a/2)/a, 255)
			}
			m.Pix[i+k] = uint8(v)
		}
	}
	return m, nil
}

// heic gives planes of 8 bits, whose rows libheif has made longer.
func (c *sandboxed) heic(in uint64, n int, f *heif) (*RGB, error) {
	const (
		ycc, rgb, grey = 0, 1, 2
		c420, c422     = 1, 2
	)
	stride := func(w, perPixel int) int { return (max((w+1)&^1, 64)*perPixel + 15) &^ 15 }
	planes := func(said []int) (cw, ch int) {
		cw, ch = said[0], said[1]
		if said[3] == c420 {
			ch = (ch + 1) / 2
		}
		if said[3] == c420 || said[3] == c422 {
			cw = (cw + 1) / 2
		}
		return cw, ch
	}
	said, pix, err := c.decode([]uint64{in, uint64(n)}, 5, func() ([]uint64, error) { return nil, nil }, func(said []int) (int, error) {
		if _, err := heifBytes(said[0], said[1], 8); err != nil {
			return 0, err
		}
		cw, ch := planes(said)
		switch said[2] {
		case ycc:
			return stride(said[0], 1)*said[1] + 2*stride(cw, 1)*ch, nil
		case rgb:
			return stride(said[0], 4) * said[1], nil
		case grey:
			return stride(said[0], 1) * said[1], nil
		}
		return 0, errSandbox
	})
	if err != nil {
		return nil, err
	}
	w, h := said[0], said[1]
	m := NewRGB(w, h)
	switch said[2] {
	case rgb:
		for y := range h {
			pickRow(m.row(y), pix[y*stride(w, 4):], 4, 1)
		}
	case grey:
		for y := range h {
			row := m.row(y)
			for x, v := range pix[y*stride(w, 1):][:w] {
				row[3*x], row[3*x+1], row[3*x+2] = v, v, v
			}
		}
	default:
		cw, ch := planes(said)
		luma := plane{pix: pix, stride: stride(w, 1), w: w, h: h, hr: 1, vr: 1}
		cb := plane{pix: pix[h*luma.stride:], stride: stride(cw, 1), w: cw, h: ch, hr: ceilDiv(w, cw), vr: ceilDiv(h, ch)}
		cr := cb
		cr.pix = cb.pix[ch*cb.stride:]
		f.fromYCbCr(m, &luma, &cb, &cr)
	}
	return m, nil
}

// fromYCbCr is libheif's conversion: a chroma sample counts 9, 3, 3 and 1 of 16 where its resolution is half.
func (f *heif) fromYCbCr(m *RGB, luma, cb, cr *plane) {
	red, blue := .299, .114
	switch f.matrix {
	case 1:
		red, blue = .2126, .0722
	case 4:
		red, blue = .30, .11
	case 7:
		red, blue = .212, .087
	case 9, 10:
		red, blue = .2627, .0593
	}
	green := 1 - red - blue
	crR, cbB := 2*(1-red), 2*(1-blue)
	crG, cbG := -crR*red/green, -cbB*blue/green
	clip := func(v float64) uint8 { return uint8(min(max(v+.5, 0), 255)) }
	us, vs := make([]uint8, m.W), make([]uint8, m.W)
	for y := range m.H {
		row := m.row(y)
		b, r := cb.row(y/cb.vr), cr.row(y/cr.vr)
		for x := range us {
			us[x], vs[x] = b[x/cb.hr], r[x/cr.hr]
		}
		for x, l := range luma.row(y) {
			l, b, r := float64(l), float64(us[x]), float64(vs[x])
			if f.matrix == 0 { // green, blue and red themselves
				row[3*x], row[3*x+1], row[3*x+2] = vs[x], uint8(l), us[x]
				continue
			}
			b, r = b-128, r-128
			if f.limited {
				l, b, r = (l-16)*255/219, b*255/224, r*255/224
			}
			row[3*x], row[3*x+1], row[3*x+2] = clip(l+float64(crR*r)), clip(l+float64(cbG*b)+float64(crG*r)), clip(l+float64(cbB*b))
		}
	}
}
