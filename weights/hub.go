package weights

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/internal/web"
)

// HubPrefix begins the name of a model in a Hugging Face repository: hf:OWNER/NAME[@REVISION][/FILE].
const HubPrefix = "hf:"

const (
	mainRevision = "main"
	envEndpoint  = "HF_ENDPOINT" // of a mirror of huggingface.co
	envToken     = "HF_TOKEN"    // for private and gated repositories
)

// hubRef is a parsed name.
type hubRef struct{ owner, repo, revision, file string }

var hubName = regexp.MustCompile(`^([A-Za-z0-9][\w.-]*)/([A-Za-z0-9][\w.-]*)(?:@([^/@#\s]+))?(?:/([^@#\s]+))?$`)

// parseHub reads a name without its "hf:".
func parseHub(text string) (hubRef, error) {
	m := hubName.FindStringSubmatch(text)
	if m == nil || m[4] != "" && path.Clean("/"+m[4]) != "/"+m[4] || m[3] == "." || m[3] == ".." {
		return hubRef{}, fmt.Errorf("%s%s: want %sOWNER/NAME[@REVISION][/FILE]; a slash in a revision is written %%2F", HubPrefix, text, HubPrefix)
	}
	revision, err := url.PathUnescape(m[3])
	if err != nil {
		return hubRef{}, fmt.Errorf("%s%s: %w", HubPrefix, text, err)
	}
	if revision == "" {
		revision = mainRevision
	}
	return hubRef{m[1], m[2], revision, m[4]}, nil
}

func (r hubRef) name() string {
	name := HubPrefix + r.owner + "/" + r.repo
	if r.revision != mainRevision {
		name += "@" + url.PathEscape(r.revision)
	}
	if r.file != "" {
		name += "/" + r.file
	}
	return name
}

// hubFile is an entry of a repository's listing.
type hubFile struct {
	Type string
	Path string
	Size int64
	LFS  *struct{ OID string }
}

// resolveHub asks the repository for its files, chooses the weights, and reads the recipe that lies beside them. beside gives another file of the weights' folder.
func (p *Puller) resolveHub(ctx context.Context, name string) (e Entry, beside func(file string) (Entry, error), err error) {
	r, err := parseHub(strings.TrimPrefix(name, HubPrefix))
	if err != nil {
		return e, nil, err
	}
	e.Name = name
	repo := p.endpoint + "/api/models/" + r.owner + "/" + r.repo
	var at struct{ SHA string }
	if _, err := p.getJSON(ctx, repo+"/revision/"+url.PathEscape(r.revision), &at); err != nil {
		return e, nil, err
	}
	if at.SHA == "" || strings.ContainsAny(at.SHA, "/?#") {
		return e, nil, fmt.Errorf("%s: the listing names no commit", repo)
	}
	var files []hubFile
	for next := repo + "/tree/" + at.SHA + "?recursive=true"; next != ""; {
		var page []hubFile
		if next, err = p.getJSON(ctx, next, &page); err != nil {
			return e, nil, err
		}
		if files = append(files, page...); len(files) > 100_000 {
			return e, nil, fmt.Errorf("%s: more than 100,000 files", repo)
		}
	}
	f, err := chooseFile(files, r.file)
	if err != nil {
		return e, nil, fmt.Errorf("%s: %w", name, err)
	}
	resolve := func(file string) string {
		return p.endpoint + "/" + r.owner + "/" + r.repo + "/resolve/" + at.SHA + "/" + (&url.URL{Path: file}).EscapedPath()
	}
	entry := func(f hubFile) (Entry, error) {
		e := Entry{Name: name, URL: resolve(f.Path), Bytes: f.Size}
		if f.LFS != nil {
			e.SHA256 = strings.ToLower(strings.TrimPrefix(f.LFS.OID, "sha256:"))
			if len(e.SHA256) != 64 {
				return e, fmt.Errorf("%s: the listing's SHA-256 of %s is %.100q", name, f.Path, f.LFS.OID)
			}
		}
		return e, nil
	}
	if e, err = entry(f); err != nil {
		return e, nil, err
	}
	beside = func(file string) (Entry, error) {
		if strings.ContainsAny(file, `/\`) {
			return Entry{}, fmt.Errorf("%s: %s needs %q, in another folder: download both and give the file to `featx convert`", name, f.Path, file)
		}
		at := path.Join(path.Dir(f.Path), file)
		i := slices.IndexFunc(files, func(f hubFile) bool { return f.Path == at && f.Type == "file" })
		if i < 0 {
			return Entry{}, fmt.Errorf("%s: %s needs %q, which the repository does not have", name, f.Path, at)
		}
		return entry(files[i])
	}
	has := func(file string) bool {
		return slices.ContainsFunc(files, func(f hubFile) bool { return f.Path == file })
	}
	var config hubConfig
	for _, file := range []string{"config.json", "preprocessor_config.json"} {
		if !has(file) {
			continue
		}
		if _, err := p.getJSON(ctx, resolve(file), &config); err != nil {
			return e, nil, err
		}
	}
	e.Network = config.network()
	if e.Recipe, err = config.recipe(); err != nil {
		return e, nil, fmt.Errorf("%s: config.json or preprocessor_config.json: %w", name, err)
	}
	return e, beside, nil
}

// getJSON reads a small answer; next is the following page of a listing, or "".
func (p *Puller) getJSON(ctx context.Context, from string, into any) (next string, err error) {
	request := web.Request{
		URL: from, Prepare: func(r *http.Request) { p.identify(r, Entry{Name: HubPrefix}) }, Stall: 2 * p.stall, Most: 16 << 20, Refused: refused,
	}
	err = p.persist(ctx, from, func() error {
		text, header, err := request.Get(ctx, p.client)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, into); err != nil {
			return web.Final(fmt.Errorf("not the JSON that was expected: %w", err))
		}
		next = nextPage(header.Get("Link"))
		if next != "" && !strings.HasPrefix(next, p.endpoint+"/") {
			return web.Final(fmt.Errorf("the next page of the listing is elsewhere: %.200q", next))
		}
		return nil
	})
	return next, err
}

var nextLink = regexp.MustCompile(`<([^>]+)>\s*;[^,]*\brel="?next"?`)

func nextPage(link string) string {
	if m := nextLink.FindStringSubmatch(link); m != nil {
		return m[1]
	}
	return ""
}

// chooseFile finds the file that is named, or the one that holds the weights.
func chooseFile(files []hubFile, name string) (hubFile, error) {
	var candidates []string
	for _, f := range files {
		if f.Type != "file" {
			continue
		}
		if f.Path == name {
			return f, nil
		}
		switch path.Ext(f.Path) {
		case ".safetensors", ".onnx", ".bin", ".pth", ".pt", ".h5", ".keras":
			candidates = append(candidates, f.Path)
		}
	}
	pick := func(path string) (hubFile, error) {
		return files[slices.IndexFunc(files, func(f hubFile) bool { return f.Path == path && f.Type == "file" })], nil
	}
	switch {
	case name != "":
		return hubFile{}, fmt.Errorf("there is no file %q; weights there: %s", name, orNone(candidates))
	case len(candidates) == 1:
		return pick(candidates[0])
	}
	for _, usual := range []string{"model.safetensors", "model.onnx", "onnx/model.onnx", "pytorch_model.bin"} {
		if slices.Contains(candidates, usual) {
			return pick(usual)
		}
	}
	for _, ending := range []string{".safetensors", ".onnx"} {
		alone := slices.DeleteFunc(slices.Clone(candidates), func(c string) bool { return path.Ext(c) != ending })
		if len(alone) == 1 {
			return pick(alone[0])
		}
	}
	return hubFile{}, fmt.Errorf("which file? Append one, as in %sOWNER/NAME/FILE: %s", HubPrefix, orNone(candidates))
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none (.safetensors, .onnx, .bin, .pth, .h5, .keras)"
	}
	return brief.List(names, 12)
}

// hubConfig is what timm and transformers write about pictures. timm: config.json, newer ones under pretrained_cfg; transformers: preprocessor_config.json.
type hubConfig struct {
	Architecture string `json:"architecture"`
	timmConfig
	Pretrained *timmConfig `json:"pretrained_cfg"`

	Resize     *bool           `json:"do_resize"`
	CenterCrop *bool           `json:"do_center_crop"`
	Rescale    *bool           `json:"do_rescale"`
	Normalise  *bool           `json:"do_normalize"`
	Size       json.RawMessage `json:"size"`
	CropSize   json.RawMessage `json:"crop_size"`
	Resample   json.RawMessage `json:"resample"`
	Factor     float64         `json:"rescale_factor"`
	ImageMean  []float32       `json:"image_mean"`
	ImageStd   []float32       `json:"image_std"`
}

type timmConfig struct {
	InputSize     []int     `json:"input_size"` // channels, height, width
	Interpolation string    `json:"interpolation"`
	CropPct       float64   `json:"crop_pct"`
	CropMode      string    `json:"crop_mode"`
	Mean          []float32 `json:"mean"`
	Std           []float32 `json:"std"`
}

// ReadHubConfig gives the network (arch.Names, if it is one of them) and the recipe that a model's config.json names, as timm writes it; the zero value of what it does not.
func ReadHubConfig(data []byte) (network string, r image.Recipe, err error) {
	var c hubConfig
	if err := json.Unmarshal(data, &c); err != nil {
		return "", r, err
	}
	r, err = c.recipe()
	return c.network(), r, err
}

// network is the builder's name. timm's VGGs have other tensors than torchvision's.
func (c *hubConfig) network() string {
	if strings.HasPrefix(c.Architecture, "vgg") && (c.Pretrained != nil || len(c.InputSize) > 0) {
		return "timm_" + c.Architecture
	}
	return c.Architecture
}

// recipe is the zero value if nothing is said.
func (c *hubConfig) recipe() (r image.Recipe, err error) {
	t := c.timmConfig
	if c.Pretrained != nil {
		t = *c.Pretrained
	}
	switch {
	case len(t.InputSize) == 3:
		r, err = t.recipe()
	case len(c.Size) > 0 && (len(c.ImageMean) > 0 || c.Normalise != nil):
		r, err = c.transformers()
	default:
		return image.Recipe{}, nil
	}
	if err == nil {
		err = r.Validate()
	}
	return r, err
}

// recipe does as timm.data.create_transform does for evaluation: shorter edge to floor(size / crop_pct), centre crop.
func (t *timmConfig) recipe() (image.Recipe, error) {
	h, w := t.InputSize[1], t.InputSize[2]
	pct := t.CropPct
	if pct == 0 {
		pct = 0.875 // timm's default
	}
	if !(pct > 0.01) || pct > 10 || h < 1 || w < 1 || h > 1<<14 || w > 1<<14 {
		return image.Recipe{}, fmt.Errorf("input_size %v, crop_pct %g", t.InputSize, pct)
	}
	scaled := func(n int) int { return int(math.Floor(float64(n) / pct)) }
	r := image.Torchvision(scaled(min(h, w)), h)
	r.Size = [2]int{h, w}
	switch t.CropMode {
	case "", "center":
		if h != w { // timm scales both edges and keeps the proportions of the tighter one
			return r, fmt.Errorf("input_size %v: only square ones are known", t.InputSize)
		}
	case "squash":
		r.Resize = image.Resize{H: scaled(h), W: scaled(w)}
	default:
		return r, fmt.Errorf("crop_mode %.50q is not known; set the recipe with the flags of `featx convert`", t.CropMode)
	}
	if t.Interpolation != "" && t.Interpolation != "random" {
		r.Interpolation = t.Interpolation
	}
	return r, errors.Join(three(&r.Mean, t.Mean), three(&r.Std, t.Std))
}

// transformers does as its image processors do: resize to size, or for one with crop_pct as ConvNeXt's, then centre crop, rescale, normalise.
func (c *hubConfig) transformers() (image.Recipe, error) {
	r := image.Torchvision(224, 224)
	size, err := hubSize(c.Size)
	if err != nil {
		return r, fmt.Errorf("size: %w", err)
	}
	yes := func(b *bool, otherwise bool) bool { return b == nil && otherwise || b != nil && *b }
	edge := size.Edge
	switch {
	case c.timmConfig.CropPct > 0 && edge > 0: // ConvNextImageProcessor
		r.Size = [2]int{edge, edge}
		r.Resize = image.Resize{Edge: int(float64(edge) / c.timmConfig.CropPct)}
		if edge >= 384 {
			r.Resize, r.Crop = image.Resize{H: edge, W: edge}, "none"
		}
	case yes(c.CenterCrop, false):
		crop, err := hubSize(c.CropSize)
		if err != nil || crop.H+crop.Edge == 0 {
			return r, fmt.Errorf("crop_size %.100s", c.CropSize)
		}
		r.Resize, r.Size = size, [2]int{max(crop.H, crop.Edge), max(crop.W, crop.Edge)}
	default:
		if edge > 0 {
			size = image.Resize{H: edge, W: edge}
		}
		r.Resize, r.Size, r.Crop = size, [2]int{size.H, size.W}, "none"
	}
	if !yes(c.Resize, true) {
		r.Resize, r.Crop = image.Resize{}, "center"
	}
	if len(c.Resample) > 0 {
		var filter int // Pillow's number
		filters := []string{"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"}
		if err := json.Unmarshal(c.Resample, &filter); err != nil || filter < 0 || filter >= len(filters) {
			return r, fmt.Errorf("resample %.50s: want Pillow's number, 0 to 5", c.Resample)
		}
		r.Interpolation = filters[filter]
	}
	if !yes(c.Rescale, true) {
		r.Scale = "1"
	} else if c.Factor != 0 && math.Abs(c.Factor*255-1) > 1e-6 {
		r.Scale = fmt.Sprintf("%g", c.Factor)
	}
	if !yes(c.Normalise, true) {
		r.Mean, r.Std = [3]float32{}, [3]float32{1, 1, 1}
		return r, nil
	}
	return r, errors.Join(three(&r.Mean, c.ImageMean), three(&r.Std, c.ImageStd))
}

// hubSize reads 224, {"shortest_edge": 224} or {"height": 224, "width": 224}.
func hubSize(text json.RawMessage) (image.Resize, error) {
	var edge int
	if json.Unmarshal(text, &edge) == nil {
		return image.Resize{Edge: edge}, nil
	}
	var s struct {
		Edge int `json:"shortest_edge"`
		H    int `json:"height"`
		W    int `json:"width"`
	}
	if err := json.Unmarshal(text, &s); err != nil || s.Edge+s.H+s.W <= 0 {
		return image.Resize{}, fmt.Errorf("%.100s is not known", text)
	}
	return image.Resize{Edge: s.Edge, H: s.H, W: s.W}, nil
}

// three fills dst if there are numbers.
func three(dst *[3]float32, values []float32) error {
	switch len(values) {
	case 0:
	case 3:
		copy(dst[:], values)
	default:
		return fmt.Errorf("%d numbers for 3 channels", len(values))
	}
	return nil
}
