package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/featx-go/featx/features"
	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/sink"
	"github.com/featx-go/featx/sink/npy"
)

func newDiff() *cobra.Command {
	var d difference
	var asJSON bool
	c := &cobra.Command{
		Use:   "diff [flags] A B",
		Short: "Say why two files of features differ: what they were made with, rows, numbers",
		Long: `Compares two files of features, of the same format or of two: first what they were made
with, as their provenance tells, then which rows they have, then the numbers of each layer,
rows of the same path with each other. A and B may be what --rows-per-file made several
files of: give the name that -o had, or a pattern.

A row's difference is its largest one of two numbers; its relative difference is that over
the row's largest number. Rows differ whose relative difference is more than --tolerance;
0 wants the same numbers. From float16 to float32 it is up to 4.9e-4.

Exit status: 0 the same rows, in the same order, with the same numbers; 2 they differ;
1 a mistake in the command or its surroundings. What they were made with is said, but does
not count.`,
		Example: `  featx diff features.npz features.parquet
  featx diff --tolerance 5e-4 float32.npy float16.npy
  featx diff --json yesterday.safetensors today.safetensors`,
		Args: arguments(2, 2, "two files of features"),
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.Float64Var(&d.Tolerance, "tolerance", 0, "the largest relative `difference` of rows that are the same")
	flags.BoolVar(&d.byPlace, "by-place", false, "compare the first row with the first, and so on, whatever their paths")
	flags.BoolVar(&asJSON, "json", false, "as one JSON object")
	c.RunE = func(c *cobra.Command, args []string) error {
		if !(d.Tolerance >= 0) {
			return fmt.Errorf("--tolerance %g: must be 0 or more", d.Tolerance)
		}
		a, err := features.Open(args[0])
		if err != nil {
			return err
		}
		defer a.Close()
		b, err := features.Open(args[1])
		if err != nil {
			return err
		}
		defer b.Close()
		if err := d.compare(c.Context(), a, b); err != nil {
			return err
		}
		if asJSON {
			e := json.NewEncoder(c.OutOrStdout())
			e.SetIndent("", " ")
			err = e.Encode(d)
		} else {
			err = d.write(c.OutOrStdout())
		}
		if err == nil && !d.Same {
			return errPartly
		}
		return err
	}
	return c
}

// difference is what two files do not have in common.
type difference struct {
	Same       bool              `json:"same"` // rows and numbers
	A          compared          `json:"a"`
	B          compared          `json:"b"`
	Provenance []sink.Difference `json:"provenance"` // what is not the same; nothing if one of the files does not tell
	Rows       comparedRows      `json:"rows"`
	Tolerance  float64           `json:"tolerance"`
	Layers     []comparedNumbers `json:"layers"`

	byPlace bool
	models  [2]sink.Model
}

// compared is one of the files.
type compared struct {
	Path       string `json:"path"`
	Rows       int64  `json:"rows"`
	Provenance bool   `json:"provenance"` // whether it tells what it was made with
}

// comparedRows says which rows the files have.
type comparedRows struct {
	By     string   `json:"by"` // path, or place where a file has no paths
	Both   int64    `json:"both"`
	OnlyA  int64    `json:"only_a"`
	OnlyB  int64    `json:"only_b"`
	FirstA []string `json:"first_only_a,omitempty"` // the first of these
	FirstB []string `json:"first_only_b,omitempty"`
	Moved  string   `json:"first_moved,omitempty"` // the first path of A that is elsewhere in B, among those of both

	same bool    // all of both, in the same order
	inB  []int64 // of each row of A: the row of B, or -1; nil if they are the same
}

// comparedNumbers is one layer, in the rows that both have.
type comparedNumbers struct {
	Layer    string  `json:"layer"`
	Problem  string  `json:"problem,omitempty"` // instead of numbers
	Rows     int64   `json:"rows"`
	Differ   int64   `json:"differ"`              // rows
	Largest  number  `json:"largest_difference"`  // null is infinite: one of the two numbers is NaN or infinite
	Relative number  `json:"relative_difference"` // the largest of a row's largest difference over its largest number
	Cosine   float64 `json:"smallest_cosine"`     // similarity of two rows
	First    *place  `json:"first,omitempty"`     // row that differs
	Worst    *place  `json:"worst,omitempty"`     // with the largest relative difference
}

// place is a row, and where in it the largest difference is.
type place struct {
	Path  string `json:"path"`
	RowA  int64  `json:"row_a"`
	RowB  int64  `json:"row_b"`
	Index int    `json:"index"`
	A     number `json:"a"`
	B     number `json:"b"`
}

// number is null in JSON if it is not finite.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	if v := float64(n); math.IsInf(v, 0) || math.IsNaN(v) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

func (d *difference) compare(ctx context.Context, a, b *features.File) error {
	if err := d.compareProvenance(a, b); err != nil {
		return err
	}
	if err := d.compareRows(ctx, a, b); err != nil {
		return err
	}
	if err := d.compareLayers(ctx, a, b); err != nil {
		return err
	}
	d.Same = d.Rows.same && !slices.ContainsFunc(d.Layers, func(l comparedNumbers) bool { return l.Problem != "" || l.Differ > 0 })
	return nil
}

func (d *difference) compareProvenance(a, b *features.File) error {
	d.A = compared{a.Path(), a.Rows(), a.ProvenanceText() != nil}
	d.B = compared{b.Path(), b.Rows(), b.ProvenanceText() != nil}
	d.Provenance = []sink.Difference{}
	var made [2]sink.Provenance
	for i, f := range []*features.File{a, b} {
		p, err := f.Provenance()
		if err != nil {
			return err
		}
		if p != nil {
			made[i], d.models[i] = *p, p.Model
		}
	}
	if !d.A.Provenance || !d.B.Provenance {
		return nil
	}
	for _, p := range sink.Differences(a.ProvenanceText(), b.ProvenanceText()) {
		if !strings.HasPrefix(p.Name, "layers") {
			d.Provenance = append(d.Provenance, p)
		}
	}
	// Layers are compared by name, not by place. Which ones there are is said with their numbers.
	for _, l := range made[0].Layers {
		if i := slices.IndexFunc(made[1].Layers, func(m sink.Layer) bool { return m.Name == l.Name }); i >= 0 {
			for _, p := range sink.Differences(l, made[1].Layers[i]) {
				p.Name = layersPart + l.Name + "." + p.Name
				d.Provenance = append(d.Provenance, p)
			}
		}
	}
	return nil
}

// few is how many paths are said.
const few = 5

// compareRows finds each row of A in B: the n-th of a path is the n-th of it there.
func (d *difference) compareRows(ctx context.Context, a, b *features.File) error {
	r := &d.Rows
	if d.byPlace || !a.HasPaths() || !b.HasPaths() {
		r.By = "place"
		r.Both = min(a.Rows(), b.Rows())
		r.OnlyA, r.OnlyB = a.Rows()-r.Both, b.Rows()-r.Both
		r.same = r.OnlyA+r.OnlyB == 0
		return nil
	}
	r.By = "path"
	if a.Rows() == b.Rows() {
		var err error
		if r.same, err = samePaths(ctx, a, b); err != nil || r.same {
			r.Both = a.Rows()
			return err
		}
	}
	type nth struct {
		path string
		n    int
	}
	numbered := func(f *features.File, take func(i int64, p nth)) error {
		seen := map[string]int{}
		i := int64(0)
		for path, err := range f.Paths() {
			if err := cmp.Or(err, ctx.Err()); err != nil {
				return err
			}
			take(i, nth{path, seen[path]})
			seen[path]++
			i++
		}
		return nil
	}
	in := make(map[nth]int64, b.Rows())
	if err := numbered(b, func(i int64, p nth) { in[p] = i }); err != nil {
		return err
	}
	last := int64(-1)
	r.inB = make([]int64, 0, a.Rows())
	used := make([]bool, b.Rows())
	err := numbered(a, func(i int64, p nth) {
		at, ok := in[p]
		if !ok {
			r.inB = append(r.inB, -1)
			if r.OnlyA++; len(r.FirstA) < few {
				r.FirstA = append(r.FirstA, p.path)
			}
			return
		}
		r.inB = append(r.inB, at)
		r.Both++
		used[at] = true
		if at < last && r.Moved == "" {
			r.Moved = p.path
		}
		last = max(last, at)
	})
	if err != nil {
		return err
	}
	return numbered(b, func(i int64, p nth) {
		if used[i] {
			return
		}
		if r.OnlyB++; len(r.FirstB) < few {
			r.FirstB = append(r.FirstB, p.path)
		}
	})
}

func samePaths(ctx context.Context, a, b *features.File) (bool, error) {
	next, stop := iter.Pull2(b.Paths())
	defer stop()
	for path, err := range a.Paths() {
		there, bad, ok := next()
		if err := cmp.Or(err, bad, ctx.Err()); err != nil {
			return false, err
		}
		if !ok || path != there {
			return false, nil
		}
	}
	return true, nil
}

func (d *difference) compareLayers(ctx context.Context, a, b *features.File) error {
	d.Layers = []comparedNumbers{}
	inA, inB := a.Layers(), b.Layers()
	used := make([]bool, len(inB))
	for i, l := range inA {
		j := slices.IndexFunc(inB, func(m features.Layer) bool { return m.Name == l.Name })
		if len(inA) == 1 && len(inB) == 1 && (l.Name == "" || inB[0].Name == "") {
			j = 0 // a single array has no name
		}
		if j < 0 {
			d.Layers = append(d.Layers, comparedNumbers{Layer: l.Name, Problem: "only in A"})
			continue
		}
		used[j] = true
		n := comparedNumbers{Layer: cmp.Or(l.Name, inB[j].Name), Cosine: 1}
		if l.Len() != inB[j].Len() {
			n.Problem = fmt.Sprintf("%s in A, %s in B", times(l.Dims), times(inB[j].Dims))
		} else if err := d.compareLayer(ctx, &n, a, b, i, j); err != nil {
			return err
		}
		d.Layers = append(d.Layers, n)
	}
	for j, l := range inB {
		if !used[j] {
			d.Layers = append(d.Layers, comparedNumbers{Layer: l.Name, Problem: "only in B"})
		}
	}
	return nil
}

// compareLayer compares the rows that both have.
func (d *difference) compareLayer(ctx context.Context, n *comparedNumbers, a, b *features.File, i, j int) error {
	theirs, stop, err := d.rowsOfB(ctx, b, j)
	if err != nil {
		return err
	}
	defer stop()
	var first, worst *place
	row := int64(-1)
	for ours, err := range a.Each(i) {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		row++
		at := row
		if d.Rows.inB != nil {
			at = d.Rows.inB[row]
		}
		if at < 0 || at >= d.B.Rows {
			continue
		}
		there, err := theirs(at)
		if err != nil {
			return err
		}
		n.Rows++
		r := compareRow(ours, there)
		n.Largest = max(n.Largest, number(r.largest))
		n.Cosine = min(n.Cosine, r.cosine)
		if !(r.relative > d.Tolerance) {
			n.Relative = max(n.Relative, number(r.relative))
			continue
		}
		n.Differ++
		p := &place{RowA: row, RowB: at, Index: r.index, A: number(ours[r.index]), B: number(there[r.index])}
		if first == nil {
			first = p
		}
		if worst == nil || number(r.relative) > n.Relative {
			worst = p
		}
		n.Relative = max(n.Relative, number(r.relative))
	}
	n.First, n.Worst = first, worst
	return d.namePlaces(a, n.First, n.Worst)
}

// namePlaces fills the paths of rows.
func (d *difference) namePlaces(f *features.File, places ...*place) error {
	last := int64(-1)
	for _, p := range places {
		if p != nil {
			last = max(last, p.RowA)
		}
	}
	i := int64(0)
	for path, err := range f.Paths() {
		if err != nil {
			return err
		}
		if i > last {
			break
		}
		for _, p := range places {
			if p != nil && p.RowA == i {
				p.Path = path
			}
		}
		i++
	}
	return nil
}

// rowsOfB gives B's rows by their number. Rows are asked for in the order of A; where that is not the order of B they are put into a temporary file first.
func (d *difference) rowsOfB(ctx context.Context, b *features.File, layer int) (row func(at int64) ([]float32, error), stop func(), err error) {
	if d.Rows.Moved != "" {
		return spooled(ctx, b, layer)
	}
	next, stop := iter.Pull2(b.Each(layer))
	have := int64(-1)
	return func(at int64) ([]float32, error) {
		for {
			values, err, ok := next()
			if !ok {
				err = errors.New("too few rows") // which the file has counted
			}
			if have++; err != nil || have == at {
				return values, err
			}
		}
	}, stop, nil
}

// spooled puts a layer's rows into a temporary file, and reads them from there in any order.
func spooled(ctx context.Context, f *features.File, layer int) (row func(at int64) ([]float32, error), stop func(), err error) {
	tmp, err := os.CreateTemp("", "featx-diff-*")
	if err != nil {
		return nil, nil, err
	}
	stop = func() {
		tmp.Close()
		os.Remove(tmp.Name())
	}
	values := make([]float32, f.Layers()[layer].Len())
	raw := make([]byte, 4*len(values))
	out := bufio.NewWriterSize(tmp, 1<<18)
	for row, bad := range f.Each(layer) {
		if err = cmp.Or(bad, ctx.Err()); err != nil {
			break
		}
		if _, err = out.Write(npy.AppendFloats(raw[:0], row)); err != nil {
			break
		}
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return func(at int64) ([]float32, error) {
		if _, err := tmp.ReadAt(raw, at*int64(len(raw))); err != nil {
			return nil, err
		}
		npy.Decode(values, raw, "<f4")
		return values, nil
	}, stop, nil
}

// rowDifference is that of two rows.
type rowDifference struct {
	largest  float64 // difference of two numbers; infinite if one is NaN or infinite and the other is not the same
	relative float64 // over the largest number of both rows
	index    int     // where it is
	cosine   float64 // of the angle between them; 1 if one of them has NaN or infinities
}

func compareRow(a, b []float32) (r rowDifference) {
	r.cosine = 1
	same := func(x, y float32) bool { return x == y || x != x && y != y }
	if slices.EqualFunc(a, b, same) {
		return r
	}
	largest, dot, aa, bb := 0.0, 0.0, 0.0, 0.0
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		dot += x * y // the products are exact
		aa += x * x
		bb += y * y
		for _, v := range [2]float64{math.Abs(x), math.Abs(y)} {
			if v > largest && !math.IsInf(v, 0) {
				largest = v
			}
		}
		if same(a[i], b[i]) {
			continue
		}
		diff := math.Abs(x - y)
		if diff != diff {
			diff = math.Inf(1)
		}
		if diff > r.largest {
			r.largest, r.index = diff, i
		}
	}
	r.relative = r.largest / largest
	if c := dot / (math.Sqrt(aa) * math.Sqrt(bb)); !math.IsNaN(c) {
		r.cosine = min(c, 1)
	} else if aa == 0 || bb == 0 {
		r.cosine = 0
	}
	return r
}

func (d *difference) write(w io.Writer) error {
	for _, line := range d.made() {
		fmt.Fprintln(w, brief.Plain(line))
	}
	for _, line := range d.rowLines() {
		fmt.Fprintln(w, brief.Plain(line))
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "layer\trows\tdiffer\tlargest difference\trelative\tsmallest cosine")
	for _, l := range d.Layers {
		if l.Problem != "" {
			fmt.Fprintf(t, "%s\t\t\t\t\t%s\n", brief.Plain(l.Layer), l.Problem)
			continue
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%.3g\t%.2g\t%.9f\n", brief.Plain(l.Layer), l.Rows, l.Differ, float64(l.Largest), float64(l.Relative), l.Cosine)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, l := range d.Layers {
		for _, p := range l.places() {
			fmt.Fprintln(w, brief.Plain(p))
		}
	}
	_, err := fmt.Fprintf(w, "\n%s\n", d.verdict())
	return err
}

// places says where the layer differs.
func (l *comparedNumbers) places() (lines []string) {
	say := func(which string, p *place) {
		rows := fmt.Sprintf("row %d", p.RowA)
		if p.RowA != p.RowB {
			rows = fmt.Sprintf("row %d of A, %d of B", p.RowA, p.RowB)
		}
		lines = append(lines, fmt.Sprintf("%s: %s that differs is %s (%s): most at value %d, %.9g in A, %.9g in B", l.Layer, which, p.Path, rows, p.Index, float64(p.A), float64(p.B)))
	}
	if l.First != nil {
		say("the first row", l.First)
	}
	if l.Worst != nil && l.Worst.RowA != l.First.RowA {
		say("the worst row", l.Worst)
	}
	return lines
}

// made says what they were made with, as far as that is not the same.
func (d *difference) made() (lines []string) {
	for _, f := range []compared{d.A, d.B} {
		if !f.Provenance {
			lines = append(lines, fmt.Sprintf("%s does not tell what it was made with.", f.Path))
		}
	}
	if len(lines) > 0 {
		return lines
	}
	if len(d.Provenance) == 0 {
		return []string{"They were made with the same program, model and recipe."}
	}
	for _, p := range d.Provenance {
		what, name := "", p.Name
		if parent, child, ok := cutLast(p.Name, "."); ok {
			name = child
			switch {
			case parent == "recipe":
				what = "Another recipe: "
			case parent == "model" && child == "sha256":
				what, name = fmt.Sprintf("Another model, %s in A and %s in B: ", d.models[0].Name, d.models[1].Name), "SHA-256"
			case parent == "model.weights":
				what = "Other weights in the model file: "
			case strings.HasPrefix(parent, layersPart):
				what = fmt.Sprintf("The layer %s: ", strings.TrimPrefix(parent, layersPart))
			default:
				name = p.Name
			}
		}
		if phrase, ok := madeWith[name]; ok && what == "" {
			what, name = phrase+": ", ""
		}
		lines = append(lines, strings.ReplaceAll(fmt.Sprintf("%s%s %s in A, %s in B.", what, name, orNothing(p.A), orNothing(p.B)), ":  ", ": "))
	}
	return lines
}

// madeWith says a part of a provenance in words.
var madeWith = map[string]string{
	"featx":       "Another version of featx",
	"model.name":  "The model was asked for by another name",
	"l2":          "Rows divided by their norm (--l2)",
	"exif_orient": "Pictures turned upright as their EXIF says (--exif-orient)",
	"fast_decode": "Large JPEG pictures decoded at a fraction of their size (--fast-decode)",
	"max_pixels":  "The largest picture that was taken (--max-pixels)",
	"on_error":    "A picture that cannot be read (--on-error)",
}

const layersPart = "layers."

func orNothing(s string) string { return cmp.Or(s, "nothing") }

// cutLast is strings.Cut at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// rowLines says which rows they have.
func (d *difference) rowLines() []string {
	r := d.Rows
	if r.By == "place" {
		why := "as --by-place says"
		if !d.byPlace {
			why = "since the files do not both have paths"
		}
		line := fmt.Sprintf("Rows are compared by their place, %s: A has %d, B %d.", why, d.A.Rows, d.B.Rows)
		return []string{line}
	}
	if r.same {
		return []string{fmt.Sprintf("They have the same %d rows, in the same order.", r.Both)}
	}
	lines := []string{fmt.Sprintf("%d rows are in both.", r.Both)}
	for _, only := range []struct {
		file  string
		n     int64
		first []string
	}{{"A", r.OnlyA, r.FirstA}, {"B", r.OnlyB, r.FirstB}} {
		if only.n > 0 {
			list := brief.List(only.first, few)
			if more := only.n - int64(len(only.first)); more > 0 {
				list += fmt.Sprintf(" and %d more", more)
			}
			lines = append(lines, fmt.Sprintf("%d only in %s: %s", only.n, only.file, list))
		}
	}
	switch {
	case r.Moved != "":
		lines = append(lines, fmt.Sprintf("Those in both are in another order: the first is %s.", r.Moved))
	case r.Both == 0:
		lines = append(lines, "No path is in both; --by-place compares the rows by their order.")
	}
	return lines
}

func (d *difference) verdict() string {
	if d.Same {
		return "The features are the same."
	}
	var what []string
	if r := d.Rows; r.OnlyA+r.OnlyB > 0 {
		what = append(what, fmt.Sprintf("%d rows are in one only", r.OnlyA+r.OnlyB))
	}
	if d.Rows.Moved != "" {
		what = append(what, "the rows are in another order")
	}
	layers := 0
	for _, l := range d.Layers {
		if l.Problem != "" || l.Differ > 0 {
			layers++
		}
	}
	if layers > 0 {
		what = append(what, fmt.Sprintf("%d of %d layers differ", layers, len(d.Layers)))
	}
	return "The files differ: " + strings.Join(what, ", ") + "."
}
