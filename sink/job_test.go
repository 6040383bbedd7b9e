package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/internal/testdisk"
)

var columns = []Layer{{Name: "a", Dims: []int{2, 3}}, {Name: "b", Dims: []int{5}}}

// outcomes are n inputs, of which some fail, and of those some have a row all the same.
func outcomes(layers []Layer, n int) (list []Outcome) {
	for i := range n {
		o := Outcome{Path: fmt.Sprintf("p/%d \xff.jpg", i*i)}
		if i%5 == 3 {
			o.Failure = &Failure{Path: o.Path, Stage: Decode, Err: fmt.Errorf("broken %d", i)}
		}
		if o.Failure == nil || i%2 == 0 {
			for l, layer := range layers {
				row := make([]float32, layer.values())
				for k := range row {
					row[k] = float32(i*100+l*10) + float32(k)/7
				}
				o.Features = append(o.Features, row)
			}
		}
		list = append(list, o)
	}
	return list
}

// tree gives the content of all files under a folder, by their paths in it.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[rel] = string(data)
		return err
	}))
	return files
}

// goOn opens the job and takes it from where it is to its end.
func goOn(t *testing.T, path string, layers []Layer, o JobOptions, list []Outcome) {
	t.Helper()
	j, err := OpenJob(path, layers, o)
	require.NoError(t, err)
	if !j.Complete() {
		at := 0
		require.NoError(t, j.Pass(func() (string, error) {
			at++
			return list[at-1].Path, nil
		}))
		for _, o := range list[at:] {
			require.NoError(t, j.Add(o))
		}
	}
	require.NoError(t, j.Finish(t.Context()))
	require.NoError(t, j.Close())
}

// Wherever a process ends, the next one makes the same files of what is left; what was not recorded may have come to the disk in part.
func TestJobSurvives(t *testing.T) {
	for _, ending := range Endings {
		layers := slices.Clone(columns)
		switch ending {
		case ".npy":
			layers = layers[:1]
		case ".jsonl":
		default:
			layers[0].DType = Float16
		}
		list := outcomes(layers, 13)
		twin := ending == ".parquet" || ending == ".arrow" // made as .npz is, of the same spools
		for _, rows := range []int64{0, 4, 1} {
			for _, every := range []time.Duration{1, time.Hour} {
				if twin && (rows == 1 || every == time.Hour) {
					continue
				}
				o := JobOptions{Provenance: Provenance{Program: "1"}, RowsPerFile: rows, Every: every}
				t.Run(fmt.Sprintf("%s,%d,%v", ending, rows, every), func(t *testing.T) {
					dir := t.TempDir()
					path := filepath.Join(dir, "out"+ending)
					require.NoError(t, os.WriteFile(path+".errors.jsonl", []byte("of an earlier run"), 0o666))
					// What is on disk after each step; nothing of it changes the run.
					seen := map[string]bool{}
					var crashes []map[string]string
					step = func() {
						if files := tree(t, dir); !seen[fmt.Sprint(files)] {
							seen[fmt.Sprint(files)] = true
							crashes = append(crashes, files)
						}
					}
					goOn(t, path, layers, o, list)
					step = func() {}
					want := tree(t, dir)
					require.Len(t, strings.Split(strings.TrimSpace(want["out"+ending+".errors.jsonl"]), "\n"), 2)
					require.NotContains(t, fmt.Sprint(want), "partial")
					require.Greater(t, len(crashes), 10)

					random := rand.New(rand.NewPCG(1, 2))
					o.Every = time.Hour
					for i, files := range crashes {
						if testing.Short() && i%4 != 0 {
							continue
						}
						again := t.TempDir()
						require.NoError(t, os.Mkdir(filepath.Join(again, "out"+ending+".partial"), 0o777))
						for name, data := range files {
							if base := filepath.Base(name); strings.Contains(name, ".partial") && (base == namesSpool || base == errorsSpool || base == rowsSpool || base == "0" || base == "1") {
								data += "torn row"[:random.IntN(9)]
							}
							require.NoError(t, os.WriteFile(filepath.Join(again, name), []byte(data), 0o666))
						}
						goOn(t, filepath.Join(again, "out"+ending), layers, o, list)
						got := tree(t, again)
						for name := range got {
							if strings.HasSuffix(name, ".tmp") {
								delete(got, name) // a killed process cannot remove its temporary file
							}
						}
						require.Equal(t, want, got)
					}
				})
			}
		}
	}
}

// A job that is left in good order goes on, and one that has done nothing leaves nothing.
func TestJobClose(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.npz")
	j, err := OpenJob(path, columns, JobOptions{})
	require.NoError(t, err)
	_, err = OpenJob(path, columns, JobOptions{})
	require.EqualError(t, err, path+": another process is writing it")
	require.NoError(t, j.Close())
	require.Empty(t, tree(t, dir))

	list := outcomes(columns, 9)
	for i, o := range list {
		j, err := OpenJob(path, columns, JobOptions{})
		require.NoError(t, err)
		require.EqualValues(t, i, j.Items())
		require.NoError(t, j.Add(o))
		require.NoError(t, j.Close())
		require.NoError(t, j.Close())
	}
	j, err = OpenJob(path, columns, JobOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 9, j.Items())
	require.EqualValues(t, 2, j.Failed())
	require.EqualValues(t, 8, j.Rows())
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.ErrorIs(t, j.Finish(ctx), context.Canceled)
	require.NoFileExists(t, path)
	require.NoError(t, j.Close())
	j, err = OpenJob(path, columns, JobOptions{})
	require.NoError(t, err)
	require.True(t, j.Complete())
	require.NoError(t, j.Finish(t.Context()))
	require.NoDirExists(t, j.Partial())
	other := t.TempDir()
	goOn(t, filepath.Join(other, "out.npz"), columns, JobOptions{}, list)
	require.Equal(t, tree(t, other), tree(t, dir))
}

// All inputs failed: the ledger, and an older file stays.
func TestJobWithoutRows(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.npy")
	goOn(t, path, columns[:1], JobOptions{}, []Outcome{{Path: "a\nb", Failure: &Failure{Path: "a\nb", Stage: Read, Err: errors.New("input/output error")}}})
	require.Equal(t, map[string]string{"out.npy.errors.jsonl": `{"path":"a\u000ab","stage":"read","reason":"input/output error"}` + "\n"}, tree(t, dir))
	goOn(t, path, columns[:1], JobOptions{}, outcomes(columns[:1], 1))
	require.Len(t, tree(t, dir), 3, "no failure, no ledger")
}

func TestPathLines(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.npy")
	var list []Outcome
	for _, name := range []string{"a b", "tab\t\xff", "line\nbreak", `"q"`, `C:\new`} {
		list = append(list, Outcome{Path: name, Features: [][]float32{{1, 2, 3, 4, 5, 6}}})
	}
	goOn(t, path, columns[:1], JobOptions{}, list)
	require.Equal(t, "a b\ntab\t\xff\n\"line\\u000abreak\"\n\"\\\"q\\\"\"\nC:\\new\n", tree(t, dir)["out.npy.paths.txt"])
}

func TestJobRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.npz")
	list := outcomes(columns, 6)
	o := JobOptions{Provenance: Provenance{OnError: "skip"}}
	begin := func() {
		j, err := OpenJob(path, columns, o)
		require.NoError(t, err)
		for _, x := range list[:4] {
			require.NoError(t, j.Add(x))
		}
		require.NoError(t, j.Close())
	}
	begin()
	before := tree(t, dir)
	refused := func(layers []Layer, o JobOptions, why string) {
		_, err := OpenJob(path, layers, o)
		require.ErrorContains(t, err, path+": what an interrupted run has left of it cannot be used: ")
		require.ErrorContains(t, err, why)
		require.ErrorContains(t, err, "; or begin anew with --restart")
		require.Equal(t, before, tree(t, dir))
	}
	refused(columns, JobOptions{Provenance: Provenance{OnError: "nan"}}, "begun with on_error skip, and now it is nan: give the same again")
	refused(columns, JobOptions{Provenance: o.Provenance, RowsPerFile: 3}, "begun with rows-per-file 0, and now it is 3")
	refused(columns[:1], o, "begun with layers[1].name b, and now it is none")

	for _, names := range [][]string{{}, {list[0].Path, list[1].Path, list[2].Path}, {list[0].Path, list[1].Path, list[3].Path, list[2].Path}} {
		j, err := OpenJob(path, columns, o)
		require.NoError(t, err)
		at := 0
		err = j.Pass(func() (string, error) {
			if at++; at > len(names) {
				return "", io.EOF
			}
			return names[at-1], nil
		})
		if len(names) < 4 {
			require.ErrorContains(t, err, "it was begun with at least 4 inputs, and now there are fewer")
		} else {
			require.ErrorContains(t, err, "its first 4 inputs are not those that it was begun with")
		}
		require.NoError(t, j.Close())
		require.Equal(t, before, tree(t, dir))
	}

	for _, name := range []string{"journal", "job.json", "names", "0", "1", "errors"} {
		file := filepath.Join(path+".partial", name)
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(file, int64(len(data)-1)/2))
		before = tree(t, dir)
		refused(columns, o, "damaged")
		require.NoError(t, os.WriteFile(file, data, 0o666))
		if name != "journal" {
			require.NoError(t, os.Remove(file))
			before = tree(t, dir)
			_, err = OpenJob(path, columns, o)
			require.Error(t, err, name)
			require.NoError(t, os.WriteFile(file, data, 0o666))
		}
	}
	o.Restart = true
	goOn(t, path, columns, o, list)
	other := filepath.Join(t.TempDir(), "out.npz")
	goOn(t, other, columns, JobOptions{Provenance: o.Provenance}, list)
	require.Equal(t, tree(t, filepath.Dir(other)), tree(t, dir))
}

// Files of an earlier run are not mixed with new ones.
func TestJobFilesAreThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.npy")
	layers := columns[:1]
	goOn(t, path, layers, JobOptions{RowsPerFile: 2}, outcomes(layers, 6))
	require.Len(t, tree(t, dir), 10)
	_, err := OpenJob(path, layers, JobOptions{RowsPerFile: 4})
	require.ErrorContains(t, err, "out-00000.npy is there already")
	require.Len(t, tree(t, dir), 10)
	goOn(t, path, layers, JobOptions{RowsPerFile: 4, Restart: true}, outcomes(layers, 6))
	require.Len(t, tree(t, dir), 7)
}

// A full disk loses nothing that was recorded, and the next run needs only room.
func TestJobFullDisk(t *testing.T) {
	wide := []Layer{{Name: "wide", Dims: []int{1 << 10}}}
	list := outcomes(wide, 40) // 36 rows of 4 KB
	for _, ending := range Endings {
		dir := testdisk.Small(t, 1<<19)
		path := filepath.Join(dir, "out"+ending)
		require.NoError(t, os.WriteFile(path, []byte("old"), 0o666))
		want := t.TempDir()
		goOn(t, filepath.Join(want, "out"+ending), wide, JobOptions{}, list)
		// First the rows do not fit, then what is made of them.
		for _, ballast := range []int{430 << 10, 340 << 10} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, ballast), 0o666))
			j, err := OpenJob(path, wide, JobOptions{Every: 1})
			require.NoError(t, err)
			if !j.Complete() {
				for i := j.Items(); i < int64(len(list)) && err == nil; i++ {
					err = j.Add(list[i])
				}
				if err == nil {
					err = j.Finish(t.Context())
				}
			}
			if ballast == 430<<10 || err != nil {
				require.EqualError(t, err, path+": the disk is full; when there is room, the same command goes on")
				require.Greater(t, j.Items(), int64(5))
				data, err := os.ReadFile(path)
				require.NoError(t, err)
				require.Equal(t, "old", string(data))
			}
			require.NoError(t, j.Close())
		}
		require.NoError(t, os.Remove(filepath.Join(dir, "ballast")))
		goOn(t, path, wide, JobOptions{Every: 1}, list)
		require.Equal(t, tree(t, want), tree(t, dir))
	}
}

func TestDifferences(t *testing.T) {
	a := Provenance{Program: "1", Recipe: image.Torchvision(256, 224), Layers: []Layer{{Name: "fc", Dims: []int{10}}}}
	b := a
	require.Empty(t, Differences(a, b))
	b.Recipe.Resize.Edge, b.L2, b.Recipe.Flip = 232, true, true
	b.Layers = []Layer{{Name: "fc", Dims: []int{10}, Pool: "avg"}}
	require.Equal(t, []Difference{
		{"recipe.resize", "256", "232"}, {"l2", "false", "true"}, {"recipe.flip", "", "true"}, {"layers[0].pool", "", "avg"},
	}, Differences(a, b))
}
