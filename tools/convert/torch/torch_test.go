package torch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/weights"
)

const checkpoints = "../../../testdata/checkpoints" // written by make.py there

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(checkpoints, name))
	require.NoError(t, err)
	return data
}

type expectedTensor struct {
	DType  weights.DType
	Shape  []int
	Values []float64
}

// values decodes every dtype of the fixtures.
func values(t testing.TB, x weights.Tensor) []float64 {
	if x.DType.IsFloat() {
		v, err := x.Float64s()
		require.NoError(t, err)
		return v
	}
	var err error
	decode := func(into any) { err = binary.Read(bytes.NewReader(x.Data), binary.LittleEndian, into) }
	out := []float64{}
	switch x.DType {
	case "I64":
		v := make([]int64, len(x.Data)/8)
		decode(v)
		for _, n := range v {
			out = append(out, float64(n))
		}
	case "I32":
		v := make([]int32, len(x.Data)/4)
		decode(v)
		for _, n := range v {
			out = append(out, float64(n))
		}
	case "I16":
		v := make([]int16, len(x.Data)/2)
		decode(v)
		for _, n := range v {
			out = append(out, float64(n))
		}
	case "I8":
		for _, n := range x.Data {
			out = append(out, float64(int8(n)))
		}
	case "U8", "BOOL":
		for _, n := range x.Data {
			out = append(out, float64(n))
		}
	}
	require.NoError(t, err)
	return out
}

// Every checkpoint holds what torch put there.
func TestRead(t *testing.T) {
	var expected map[string]map[string]expectedTensor
	require.NoError(t, json.Unmarshal(fixture(t, "expected.json"), &expected))
	tested := 0
	for file, want := range expected {
		if !strings.HasSuffix(file, ".pth") || len(want) == 0 {
			continue
		}
		tested++
		t.Run(file, func(t *testing.T) {
			f, err := Read(fixture(t, file))
			require.NoError(t, err)
			require.Len(t, f.Tensors, len(want))
			for _, x := range f.Tensors {
				w, ok := want[x.Name]
				require.True(t, ok, x.Name)
				c := x.Contiguous()
				require.Equal(t, x.Name, c.Name)
				require.Equal(t, w.DType, c.DType, x.Name)
				require.Equal(t, w.Shape, append([]int{}, c.Shape...), x.Name)
				require.Equal(t, w.Values, append([]float64{}, values(t, c)...), x.Name)
			}
		})
	}
	require.Equal(t, 16, tested)
}

// What lies in order in the file is not copied.
func TestSharesMemory(t *testing.T) {
	data := fixture(t, "views.zip.pth")
	f, err := Read(data)
	require.NoError(t, err)
	shared := map[string]bool{}
	for _, x := range f.Tensors {
		c := x.Contiguous()
		if len(c.Data) == 0 {
			continue
		}
		before := c.Data[0]
		for i := range data {
			data[i] ^= 0xff
		}
		shared[x.Name] = c.Data[0] != before
		for i := range data {
			data[i] ^= 0xff
		}
	}
	require.Equal(t, map[string]bool{
		"whole": true, "offset": true, "transposed": false, "every-third": false, "expanded": false, "permuted": false, "channels-last": false, "half-rows": false,
		"one": true, "zero-dim": true,
	}, shared)
}

func TestRefuses(t *testing.T) {
	for file, want := range map[string]string{
		"hostile.zip.pth":     `the file asks to run "posix.system", which is refused`,
		"hostile.legacy.pth":  `the file asks to run "posix.system", which is refused`,
		"whole-model.zip.pth": `the file asks to run "torch.nn.modules.container.Sequential", which is refused: only tensors and plain containers are read; if you trust the file, load it in PyTorch and save the weights alone: torch.save(model.state_dict(), FILE)`,
		"list.zip.pth":        "holds a list, not a dictionary of tensors; save the weights alone",
		"list.legacy.pth":     "holds a list, not a dictionary",
		"nothing.zip.pth":     `holds no tensors under a usual key (state_dict, model_state_dict, model, net), only "epoch", "weights"; save`,
		"nothing.legacy.pth":  `only "epoch", "weights"`,
		"torchscript.zip.pth": "is a TorchScript archive, which holds a program; load it with torch.jit.load and save",
		"arrays.npz":          "is a zip archive without data.pkl",
		"make.py":             "is no PyTorch checkpoint",
	} {
		_, err := Read(fixture(t, file))
		require.ErrorContains(t, err, want, file)
		require.NotContains(t, err.Error(), "\n")
	}
	_, err := Read(fixture(t, "hostile.zip.pth"))
	var refused *RefusedError
	require.ErrorAs(t, err, &refused)
}

// rezip writes an archive again, changed: method, checksums, records.
func rezip(t *testing.T, data []byte, method uint16, change func(name string, content []byte) []byte) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range r.File {
		in, err := f.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(in)
		require.NoError(t, err)
		if content = change(f.Name, content); content == nil {
			continue
		}
		to, err := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: method})
		require.NoError(t, err)
		_, err = to.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestDamagedArchives(t *testing.T) {
	good := fixture(t, "bare.zip.pth")
	same := func(_ string, content []byte) []byte { return content }
	_, err := Read(rezip(t, good, zip.Store, same))
	require.NoError(t, err)

	drop := func(suffix string) func(string, []byte) []byte {
		return func(name string, content []byte) []byte {
			if strings.HasSuffix(name, suffix) {
				return nil
			}
			return content
		}
	}
	for want, data := range map[string][]byte{
		`is compressed, which torch.save never does`:                     rezip(t, good, zip.Deflate, same),
		`tensor "conv.weight": storage "0": record "bare.zip/data/0" is`: rezip(t, good, zip.Store, drop("/data/0")),
		`without data.pkl`: rezip(t, good, zip.Store, drop("data.pkl")),
		`20 elements of 2 bytes are announced, 44 bytes are there; the file is damaged`: rezip(t, good, zip.Store, func(name string, content []byte) []byte {
			if strings.HasSuffix(name, "/data/1") {
				content = append(content, 0, 0, 0, 0)
			}
			return content
		}),
		`the zip archive is damaged or cut off`: good[:len(good)-30],
	} {
		_, err := Read(data)
		require.ErrorContains(t, err, want)
	}

	t.Run("byte order", func(t *testing.T) {
		big := appendRecord(t, good, "bare.zip/byteorder", "big")
		_, err := Read(big)
		require.ErrorContains(t, err, `byte order "big" is not supported`)
		_, err = Read(appendRecord(t, good, "bare.zip/byteorder", "little"))
		require.NoError(t, err)
	})
	t.Run("checksum", func(t *testing.T) {
		f, err := Read(good)
		require.NoError(t, err)
		first := f.Tensors[0].Contiguous().Data
		first[5] ^= 1 // in the file
		_, err = Read(good)
		require.ErrorContains(t, err, `record "bare.zip/data/0": wrong checksum; the file is damaged`)

		// Newer versions of torch can leave checksums out.
		withoutChecksums(good)
		_, err = Read(good)
		require.NoError(t, err)
	})
}

// withoutChecksums changes an archive to one without.
func withoutChecksums(data []byte) {
	for at := 0; ; at++ {
		i := bytes.Index(data[at:], []byte("PK\x01\x02"))
		if i < 0 || at+i+20 > len(data) {
			return
		}
		at += i
		clear(data[at+16 : at+20])
	}
}

// appendRecord writes the archive again with one more record.
func appendRecord(t *testing.T, data []byte, name, content string) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range r.File {
		require.NoError(t, w.Copy(f))
	}
	to, err := w.CreateHeader(&zip.FileHeader{Name: name})
	require.NoError(t, err)
	_, err = to.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// Cut anywhere, a checkpoint is refused.
func TestTruncated(t *testing.T) {
	for _, file := range []string{"training.zip.pth", "training.legacy.pth"} {
		data := fixture(t, file)
		for n := range data {
			_, err := Read(data[:n:n])
			require.Error(t, err, "%s cut at %d", file, n)
		}
	}
}

// With a byte changed, a checkpoint is refused, or gives tensors that can be read.
func TestDamaged(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, file := range []string{"views.zip.pth", "views.legacy.pth", "training.zip.pth", "training.legacy.pth"} {
		good := fixture(t, file)
		for range 1000 {
			data := append([]byte(nil), good...)
			data[random.IntN(len(data))] ^= byte(1 + random.IntN(255))
			readAll(data)
		}
	}
}

func readAll(data []byte) {
	f, err := Read(data)
	if err != nil {
		return
	}
	for _, x := range f.Tensors {
		c := x.Contiguous()
		if uint64(len(c.Data)) != uint64(x.elements())*uint64(x.storage.size) {
			panic("a tensor of the wrong length")
		}
	}
}

// program is a legacy checkpoint whose object is made by the pickle opcodes.
func program(opcodes string) []byte {
	return []byte("\x80\x02\x8a\x0a" + string(magic) + "." + "\x80\x02M\xe9\x03." + "\x80\x02}X\x0d\x00\x00\x00little_endian\x88s." + "\x80\x02" + opcodes + "." + "\x80\x02].")
}

// Pickles that torch.save never writes.
func TestHostilePickles(t *testing.T) {
	deep := "K\x01" + strings.Repeat("\x85", 100_000) // ((((1,),),),)
	const storageID = "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
	rebuild := "ctorch._utils\n_rebuild_tensor_v2\n("
	for name, c := range map[string]struct{ opcodes, want string }{
		"builtin":             {"c__builtin__\neval\n", `"__builtin__.eval", which is refused`},
		"stack global":        {"X\x08\x00\x00\x00builtinsX\x04\x00\x00\x00exec\x93", `"builtins.exec"`},
		"inst":                {"(ios\nsystem\n", `"os.system"`},
		"nested names":        {"X\x05\x00\x00\x00torchX\x0e\x00\x00\x00_utils.os.exec\x93", `"torch._utils.os.exec"`},
		"a key that is deep":  {"}" + deep + "K\x01s", "only a tuple"},
		"a name that is deep": {deep + deep + "\x93", "a global whose name is no string"},
		"underflow":           {"\x85", "missing on the stack"},
		"under a mark":        {"}(s", "missing on the stack"},
		"mark":                {"t", "a mark is missing"},
		"memo":                {"h\x07", "never memorised"},
		"odd items":           {"}(K\x01u", "missing on the stack"},
		"length":              {"X\xff\xff\xff\x7f", "ends too soon"},
		"length of 64 bits":   {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "ends too soon"},
		"call of a number":    {"K\x01)R", "cannot be called"},
		"call of a storage":   {"ctorch\nFloatStorage\n)R", "cannot be called"},
		"arguments":           {"ctorch._utils\n_rebuild_tensor_v2\nK\x01R", "arguments that are a int64"},
		"no arguments":        {"ctorch._utils\n_rebuild_tensor_v2\n)R", "its arguments are not those"},
		"text opcode":         {"I1\n", "opcode 0x49"},
		"itself":              {"}q\x00X\x0a\x00\x00\x00state_dicth\x00s", `only "state_dict"`},
		"storage":             {storageID + "J\xff\xff\xff\xfftQ", "description of a storage"},
		"huge storage":        {storageID + "\x8a\x07\xff\xff\xff\xff\xff\xff\x7ftQ", "description of a storage"},
		"no storage data":     {"}X\x01\x00\x00\x00w" + rebuild + storageID + "K\x04tQK\x00K\x04\x85K\x01\x85tRs", "is not in the file"},
		"leaves storage":      {"}X\x01\x00\x00\x00w" + rebuild + storageID + "K\x04tQK\x01K\x04\x85K\x01\x85tRs", `tensor "w": shape [4] with strides [1] from element 1 on leaves its storage of 4`},
		"negative offset":     {"}X\x01\x00\x00\x00w" + rebuild + storageID + "K\x04tQJ\xff\xff\xff\xffK\x04\x85K\x01\x85tRs", `leaves its storage`},
		"ranks differ":        {"}X\x01\x00\x00\x00w" + rebuild + storageID + "K\x04tQK\x00K\x04\x85K\x01K\x01\x86tRs", `differ in length`},
		"huge product":        {"}X\x01\x00\x00\x00w" + rebuild + storageID + "K\x04tQK\x00J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x87K\x00K\x00K\x00\x87tRs", `is impossible`},
		"expanded":            {"}X\x01\x00\x00\x00w" + rebuild + storageID + "K\x04tQK\x00J\xff\xff\xff\x7f\x85K\x00\x85tRs", `shape [2147483647] is much larger than the file`},
		"stride":              {"}X\x01\x00\x00\x00w" + rebuild + storageID + "K\x04tQK\x00K\x02K\x02\x86\x8a\x05\xff\xff\xff\xff\x7fK\x01\x86tRs", `leaves its storage`},
		"storage type twice":  {storageID + "K\x04tQ0" + storageID + "K\x05tQ", `described in two ways`},
		"steps":               {strings.Repeat("N0", maxSteps/2), "too long for a state_dict"},
		"one list, often":     {"(" + "(" + strings.Repeat("N", 20000) + "lq\x000" + strings.Repeat("ccollections\nOrderedDict\nh\x00\x85R", 20000), "its arguments"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "stride" && strconv.IntSize == 32 {
				t.Skip("no int of this machine holds it: it is refused earlier")
			}
			data := program(c.opcodes)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Read(data)
			runtime.ReadMemStats(&after)
			require.ErrorContains(t, err, c.want)
			require.Less(t, len(err.Error()), 1000)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(200*len(data)+1<<20), "memory in proportion to the file")
		})
	}
}

func FuzzTorch(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(checkpoints, "*.pth"))
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		if len(data) < 6000 {
			withoutChecksums(data) // which would hide what lies behind them
			f.Add(data)
		}
	}
	f.Add(program("}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n("))
	f.Fuzz(func(t *testing.T, data []byte) { readAll(data) })
}
