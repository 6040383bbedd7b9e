package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/features"
	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/pca"
	"github.com/featx-go/featx/sink"
)

func newSimilar() *cobra.Command {
	var s search
	var asJSON bool
	var html, metric string
	c := &cobra.Command{
		Use:   "similar [flags] QUERY... --in FILE",
		Short: "List the pictures of a file of features that are nearest to a picture",
		Long: `Lists the rows of a file of features that are nearest to each QUERY, with their paths: the
cosine similarity (1 is the same direction), or with --metric l2 the distance, first.

QUERY is the path of a row of FILE, which is then left out of its own list, or a picture.
A picture's features are computed as those of FILE were, by the model, recipe, layer and
pooling that its provenance names; the model must be the very same (SHA-256). -m says where
it is if it is not found by its name, --pca names the PCA if there was one.

FILE may be what --rows-per-file made several files of: give the name that -o had, or a
pattern. All rows are looked at; the result is exact, and of equally near ones the first
comes first.

--html writes a page that shows the pictures. They are in it, small, so that it can be
copied anywhere; those that are not there any longer are shown as such.`,
		Example: `  featx similar cat.jpg --in features.npz
  featx similar -n 20 --metric l2 photos/1.jpg photos/2.jpg --in features.parquet
  featx similar --html nearest.html cat.jpg --in features.npz`,
		Args: arguments(1, -1, "pictures, or paths of rows"),
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&s.in, "in", "", "`file` of features: "+strings.Join(features.Endings, ", "))
	flags.IntVarP(&s.n, "number", "n", 10, "how many are listed")
	flags.StringVarP(&s.layer, "layer", "l", "", "`layer` of FILE, if it has several")
	flags.StringVar(&metric, "metric", string(features.Cosine), "how near is measured: cosine or l2")
	flags.StringVarP(&s.model, "model", "m", "", "model file, or the `name` of a model, for pictures (default the one that FILE names)")
	flags.StringVar(&s.pca, "pca", "", "`file` of the PCA that FILE was made with, for pictures")
	flags.StringVar(&s.isa, "isa", "", "as of extract")
	flags.IntVar(&s.threads, "threads", 0, "as of extract")
	flags.StringVar(&html, "html", "", "`file` for a page that shows the pictures")
	flags.BoolVar(&asJSON, "json", false, "as one JSON object")
	c.RunE = func(c *cobra.Command, queries []string) error {
		s.metric = features.Metric(metric)
		switch {
		case s.in == "":
			return errors.New("--in FILE is missing: the features to search in")
		case !slices.Contains(features.Metrics, s.metric):
			return fmt.Errorf("--metric %s: want cosine or l2", metric)
		case s.n < 1 || s.n > maxSimilar:
			return fmt.Errorf("-n %d: must be from 1 to %d", s.n, maxSimilar)
		}
		if err := checkPage(html, len(queries)*(1+s.n)); err != nil {
			return err
		}
		if err := s.run(c, queries); err != nil {
			return err
		}
		if html != "" {
			if err := s.page(c.Context(), html); err != nil {
				return err
			}
		}
		if asJSON {
			e := json.NewEncoder(c.OutOrStdout())
			e.SetIndent("", " ")
			return e.Encode(s.found)
		}
		return s.write(c.OutOrStdout())
	}
	return c
}

// maxSimilar is the most neighbours that anybody lists.
const maxSimilar = 1_000_000

// search looks for pictures in a file of features.
type search struct {
	in, layer, model, pca, isa string
	n, threads                 int
	metric                     features.Metric

	file  *features.File
	at    int // the layer's place in the file
	found found
}

// found is what is printed as JSON.
type found struct {
	File    string        `json:"file"`
	Layer   string        `json:"layer"`
	Rows    int64         `json:"rows"`
	Metric  string        `json:"metric"`
	Left    int64         `json:"left_out"` // rows with NaN or infinities
	Queries []*neighbours `json:"queries"`
}

// neighbours are those of one query.
type neighbours struct {
	Query string      `json:"query"`
	Row   *int64      `json:"row"` // null if it is a picture that has none
	List  []neighbour `json:"neighbours"`

	values []float32
}

type neighbour struct {
	Path  string  `json:"path"`
	Row   int64   `json:"row"`
	Score float64 `json:"score"`
}

func (s *search) run(c *cobra.Command, queries []string) (err error) {
	ctx := c.Context()
	if s.file, err = features.Open(s.in); err != nil {
		return err
	}
	defer s.file.Close()
	if s.at, err = s.file.Find(s.layer); err != nil {
		return err
	}
	s.found = found{File: s.in, Layer: cmp.Or(s.file.Layers()[s.at].Name, s.layer), Rows: s.file.Rows(), Metric: string(s.metric)}
	for _, q := range queries {
		s.found.Queries = append(s.found.Queries, &neighbours{Query: q})
	}
	if err := s.rowsOfQueries(ctx); err != nil {
		return err
	}
	if err := s.extract(c); err != nil {
		return err
	}
	var list []features.Query
	for _, q := range s.found.Queries {
		row := int64(-1)
		if q.Row != nil {
			row = *q.Row
		}
		list = append(list, features.Query{Values: q.values, Row: row})
	}
	nearest, err := s.file.Nearest(ctx, s.at, list, s.n, s.metric, s.threads)
	if err != nil {
		return err
	}
	s.found.Left = nearest.Left
	if nearest.Left > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "featx: %s: %d of its rows are left out, they have NaN or infinities\n", s.in, nearest.Left)
	}
	return s.name(nearest.Neighbours)
}

// rowsOfQueries takes the values of queries that are rows of the file, of the first with that path.
func (s *search) rowsOfQueries(ctx context.Context) error {
	byPath := map[string][]*neighbours{}
	for _, q := range s.found.Queries {
		byPath[q.Query] = append(byPath[q.Query], q)
	}
	byRow := map[int64][]*neighbours{}
	last, row := int64(-1), int64(0)
	for path, err := range s.file.Paths() {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		if list := byPath[path]; list != nil {
			for _, q := range list {
				q.Row = new(int64)
				*q.Row = row
			}
			byRow[row], last = list, row
			if delete(byPath, path); len(byPath) == 0 {
				break
			}
		}
		row++
	}
	if last < 0 {
		return nil
	}
	row = 0
	for values, err := range s.file.Each(s.at) {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		for _, q := range byRow[row] {
			if !finite(values) {
				return fmt.Errorf("%s: the row of %s has NaN or infinities: nothing is near it", s.in, q.Query)
			}
			q.values = slices.Clone(values)
		}
		if row == last {
			return nil
		}
		row++
	}
	return nil
}

func finite(values []float32) bool {
	return !slices.ContainsFunc(values, func(v float32) bool { return v != v || math.IsInf(float64(v), 0) })
}

// extract computes the features of queries that are pictures, as those of the file were.
func (s *search) extract(c *cobra.Command) error {
	var pictures []*neighbours
	for _, q := range s.found.Queries {
		if q.Row == nil {
			pictures = append(pictures, q)
		}
	}
	if len(pictures) == 0 {
		return nil
	}
	// Pictures that cannot be read are told before a model is opened.
	p, err := s.file.Provenance()
	if err != nil {
		return err
	}
	for _, q := range pictures {
		if _, err := os.Stat(q.Query); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: is no path of a row of %s, and there is no such picture", q.Query, s.in)
		}
	}
	m, o, err := s.extractorOf(c, p)
	if err != nil {
		return err
	}
	defer m.Close()
	o.ISA, o.Threads, o.Batch, o.Pictures = s.isa, s.threads, 1, len(pictures)
	x, err := m.Extractor(o)
	if err != nil {
		return err
	}
	defer x.Close()
	decoder := x.Decoder()
	if p != nil {
		decoder.ApplyOrientation, decoder.MaxPixels = p.ExifOrient, p.MaxPixels
	}
	input := make([]float32, x.InputLen())
	length := s.file.Layers()[s.at].Len()
	for _, q := range pictures {
		if err := c.Context().Err(); err != nil {
			return err
		}
		picture, err := decoder.DecodeFile(q.Query)
		if err != nil {
			return err
		}
		if err := x.PrepareImage(input, picture); err != nil {
			return named(q.Query, err)
		}
		out, err := x.Run(1, input)
		if err != nil {
			return named(q.Query, err)
		}
		if q.values = slices.Clone(out[0].Data); len(q.values) != length {
			return fmt.Errorf("%s: its rows have %d values, and layer %s of the model %d", s.in, length, x.Layers()[0].Name, len(q.values))
		}
		if !finite(q.values) {
			return fmt.Errorf("%s: its features have NaN or infinities: nothing is near it", q.Query)
		}
	}
	return nil
}

// extractorOf gives the model and the options that the file's features were made with. Of a file that does not tell, -m must, and -l the layer.
func (s *search) extractorOf(c *cobra.Command, p *sink.Provenance) (*featx.Model, featx.Options, error) {
	var o featx.Options
	if p == nil {
		if s.model == "" {
			return nil, o, fmt.Errorf("%s: does not tell what its features were made with, so that pictures cannot be compared: name the model with -m, and its layer with -l, or give paths of rows", s.in)
		}
		if s.layer != "" {
			o.Layers = []string{s.layer}
		}
		m, err := openModel(c, s.model)
		return m, o, err
	}
	i := slices.IndexFunc(p.Layers, func(l sink.Layer) bool { return l.Name == s.found.Layer })
	if i < 0 {
		return nil, o, fmt.Errorf("%s: its provenance does not tell of layer %s: give paths of rows", s.in, s.found.Layer)
	}
	o = featx.Options{Layers: []string{p.Layers[i].Name}, Pool: featx.Pool(p.Layers[i].Pool), L2: p.L2, Recipe: &p.Recipe, FastDecode: p.FastDecode}
	if sum := p.Layers[i].PCA; sum != "" {
		if s.pca == "" {
			return nil, o, fmt.Errorf("%s: its layer %s was projected on a PCA (SHA-256 %s): give that file with --pca, or paths of rows", s.in, p.Layers[i].Name, sum)
		}
		projection, err := pca.Open(s.pca)
		if err == nil && projection.SHA256 != sum {
			err = fmt.Errorf("%s: is not the PCA of %s: its SHA-256 is %s, want %s", s.pca, s.in, projection.SHA256, sum)
		}
		if err != nil {
			return nil, o, fmt.Errorf("--pca %w", err)
		}
		o.PCA = []featx.LayerPCA{{Layer: p.Layers[i].Name, PCA: projection}}
	}
	name := cmp.Or(s.model, p.Model.Name)
	m, err := openModel(c, name)
	if err != nil {
		if s.model == "" {
			err = fmt.Errorf("%w; %s was made with it: say with -m where it is", err, s.in)
		}
		return nil, o, err
	}
	if sum := m.SHA256(); sum != p.Model.SHA256 {
		err := fmt.Errorf("%s: was made with the model %s of SHA-256 %s, and %s has %s", s.in, p.Model.Name, p.Model.SHA256, name, sum)
		if s.model == "" {
			m.Close()
			return nil, o, fmt.Errorf("%w: say with -m which one to take", err)
		}
		report(c.ErrOrStderr(), err) // as -m wants it
	}
	return m, o, nil
}

// name finds the paths of the rows.
func (s *search) name(lists [][]features.Neighbour) error {
	paths := map[int64]string{}
	last := int64(-1)
	for _, list := range lists {
		for _, n := range list {
			paths[n.Row], last = "", max(last, n.Row)
		}
	}
	row := int64(0)
	for path, err := range s.file.Paths() {
		if err != nil {
			return err
		}
		if row > last {
			break
		}
		if _, ok := paths[row]; ok {
			paths[row] = path
		}
		row++
	}
	for i, list := range lists {
		q := s.found.Queries[i]
		q.List = make([]neighbour, 0, len(list))
		for _, n := range list {
			q.List = append(q.List, neighbour{paths[n.Row], n.Row, n.Score})
		}
	}
	return nil
}

func (s *search) write(w io.Writer) error {
	for i, q := range s.found.Queries {
		if len(s.found.Queries) > 1 {
			if i > 0 {
				fmt.Fprintln(w)
			}
			fmt.Fprintf(w, "%s:\n", brief.Plain(q.Query))
		}
		for _, n := range q.List {
			if _, err := fmt.Fprintf(w, "%.6f  %s\n", n.Score, brief.Plain(n.Path)); err != nil {
				return err
			}
		}
	}
	return nil
}
