package weights

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine/image"
)

func TestHubNames(t *testing.T) {
	for text, want := range map[string]string{
		"timm/resnet18.a1_in1k":      "hf:timm/resnet18.a1_in1k",
		"timm/resnet18.a1_in1k@main": "hf:timm/resnet18.a1_in1k",
		"a/b@v1.0/onnx/model.onnx":   "hf:a/b@v1.0/onnx/model.onnx",
		"a/b/c.safetensors":          "hf:a/b/c.safetensors",
		"a/b@refs%2Fpr%2F1":          "hf:a/b@refs%2Fpr%2F1",
		"":                           "",
		"a":                          "",
		"a/..":                       "",
		"../b":                       "",
		"a/b@..":                     "",
		"a/b/../../etc/passwd":       "",
		"a/b//c":                     "",
		"a/b@":                       "",
		"a/b@x@y":                    "",
		"a/b?x=1":                    "",
		"a/b#c":                      "",
		"a/b@%zz":                    "",
	} {
		got, err := Canonical(HubPrefix + text)
		if want == "" {
			require.ErrorContains(t, err, "hf:"+text+": ")
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, want, got)
		c := Cache{"/cache"}
		path := c.model(got)
		require.True(t, strings.HasPrefix(path, "/cache/models/hf/"), path)
		back, ok := nameOf(strings.TrimPrefix(path, "/cache/models/"))
		require.True(t, ok)
		require.Equal(t, got, back)
	}
}

// hub is a server with one repository.
type hub struct {
	*httptest.Server
	files map[string][]byte
	lfs   map[string]string // digests that differ from the truth
	token string            // that is wanted
	pages bool
	served
}

const commit = "0123456789abcdef0123456789abcdef01234567"

func newHub(t *testing.T, files map[string]string) *hub {
	h := &hub{files: map[string][]byte{}, lfs: map[string]string{}}
	for name, text := range files {
		h.files[name] = []byte(text)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/models/some/net/revision/{revision}", func(w http.ResponseWriter, r *http.Request) {
		if rev := r.PathValue("revision"); rev != "main" && rev != "refs/pr/1" {
			http.Error(w, "Invalid rev id", http.StatusNotFound)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"id": "some/net", "sha": commit, "siblings": []any{}})
	})
	mux.HandleFunc("GET /api/models/some/net/tree/"+commit, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "true", r.URL.Query().Get("recursive"))
		list := []any{map[string]any{"type": "directory", "oid": "1", "size": 0, "path": "onnx"}}
		cursor := r.URL.Query().Get("cursor")
		if h.pages && cursor == "" {
			w.Header().Set("Link", fmt.Sprintf(`<%s%s?recursive=true&cursor=2>; rel="next"`, h.URL, r.URL.Path))
			json.NewEncoder(w).Encode(list)
			return
		}
		for name, data := range h.files {
			f := map[string]any{"type": "file", "oid": "2", "size": len(data), "path": name}
			if !strings.HasSuffix(name, ".json") {
				digest := sha(data)
				if other := h.lfs[name]; other != "" {
					digest = other
				}
				f["lfs"] = map[string]any{"oid": digest, "size": len(data), "pointerSize": 134}
			}
			list = append(list, f)
		}
		json.NewEncoder(w).Encode(list)
	})
	mux.HandleFunc("GET /some/net/resolve/"+commit+"/{file...}", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.PathValue("file"), ".json") {
			content(w, r, h.files[r.PathValue("file")])
			return
		}
		http.Redirect(w, r, strings.Replace(h.URL, "127.0.0.1", "localhost", 1)+"/cdn/"+r.PathValue("file"), http.StatusFound)
	})
	mux.HandleFunc("GET /cdn/{file...}", func(w http.ResponseWriter, r *http.Request) { content(w, r, h.files[r.PathValue("file")]) })
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.add(r)
		if strings.HasPrefix(r.URL.Path, "/cdn/") {
			require.Empty(t, r.Header.Get("Authorization"), "the token stays with the hub")
		} else if h.token != "" && r.Header.Get("Authorization") != "Bearer "+h.token {
			http.Error(w, "gated", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

const timmConfigJSON = `{"architecture": "resnet18", "num_classes": 1000, "pretrained_cfg": {"tag": "a1_in1k", "input_size": [3, 224, 224], "fixed_input_size": false,
	"interpolation": "bicubic", "crop_pct": 0.95, "crop_mode": "center", "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3], "num_classes": 1000}}`

func TestHub(t *testing.T) {
	h := newHub(t, map[string]string{"config.json": timmConfigJSON, "model.safetensors": "the weights", "pytorch_model.bin": "the old weights", "onnx/model.onnx": "the graph"})
	h.pages = true
	t.Setenv(envEndpoint, h.URL+"/")
	t.Setenv(EnvCache, t.TempDir())
	t.Setenv(EnvMirror, "/nowhere") // of no matter to repositories
	t.Setenv(EnvOffline, "")
	t.Setenv(envToken, "")
	pull := func(name string) (e Entry, source string, err error) {
		p, err := NewPuller()
		require.NoError(t, err)
		p.retry.Attempts = 1
		p.Convert = func(ctx context.Context, src, dst string, got Entry) error {
			e = got
			data, err := os.ReadFile(src)
			require.NoError(t, err)
			source = string(data)
			return fakeConvert(ctx, src, dst, got)
		}
		_, err = p.Pull(t.Context(), name)
		return e, source, err
	}
	e, source, err := pull("hf:some/net")
	require.NoError(t, err)
	require.Equal(t, "the weights", source)
	want := image.Torchvision(235, 224) // floor(224 / 0.95)
	want.Interpolation, want.Mean, want.Std = "bicubic", [3]float32{0.5, 0.4, 0.3}, [3]float32{0.2, 0.25, 0.3}
	require.Equal(t, Entry{
		Name: "hf:some/net", Network: "resnet18", Recipe: want, Bytes: 11, SHA256: sha([]byte("the weights")), URL: h.URL + "/some/net/resolve/" + commit + "/model.safetensors",
	}, e)
	asked := len(h.all())
	_, _, err = pull("hf:some/net@main")
	require.NoError(t, err)
	require.Len(t, h.all(), asked, "it is in the cache")

	_, source, err = pull("hf:some/net/onnx/model.onnx")
	require.NoError(t, err)
	require.Equal(t, "the graph", source)
	_, source, err = pull("hf:some/net@refs%2Fpr%2F1/pytorch_model.bin")
	require.NoError(t, err)
	require.Equal(t, "the old weights", source)
	cache, err := DefaultCache()
	require.NoError(t, err)
	names, err := cache.Names()
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"hf:some/net", "hf:some/net/onnx/model.onnx", "hf:some/net@refs%2Fpr%2F1/pytorch_model.bin"}, names)
	for _, name := range names {
		require.NoError(t, cache.Remove(t.Context(), name, nil))
	}
	names, err = cache.Names()
	require.NoError(t, err)
	require.Empty(t, names)

	for name, reason := range map[string]string{
		"hf:some/other":            "the server answers 404",
		"hf:some/net@v9":           "revision/v9: the server answers 404",
		"hf:some/net/x.onnx":       `there is no file "x.onnx"; weights there: `,
		"hf:some/net/../../secret": "want hf:OWNER/NAME",
	} {
		_, _, err := pull(name)
		require.ErrorContains(t, err, reason)
	}
	h.lfs["model.safetensors"] = sha([]byte("other weights"))
	_, _, err = pull("hf:some/net")
	require.ErrorContains(t, err, "the published one is "+h.lfs["model.safetensors"])
	h.lfs["model.safetensors"] = "short"
	_, _, err = pull("hf:some/net")
	require.ErrorContains(t, err, `the listing's SHA-256 of model.safetensors is "short"`)
	delete(h.lfs, "model.safetensors")

	h.token = "hf_secret"
	_, _, err = pull("hf:some/net")
	require.ErrorContains(t, err, "401 Unauthorized: it wants to know who asks; for Hugging Face set HF_TOKEN")
	t.Setenv(envToken, "hf_secret")
	_, _, err = pull("hf:some/net")
	require.NoError(t, err)

	t.Setenv(EnvOffline, "1")
	_, _, err = pull("hf:some/net")
	require.NoError(t, err, "it is in the cache")
	_, _, err = pull("hf:some/net/onnx/model.onnx")
	require.ErrorContains(t, err, "FEATX_OFFLINE forbids")
}

func TestChooseFile(t *testing.T) {
	for names, want := range map[string]string{
		"README.md a.onnx":                           "a.onnx",
		"model.onnx model.safetensors":               "model.safetensors",
		"model.onnx pytorch_model.bin tf_model.h5":   "model.onnx",
		"onnx/model.onnx onnx/quantised.onnx":        "onnx/model.onnx",
		"x.safetensors a.onnx b.onnx":                "x.safetensors",
		"a.pth b.onnx c.onnx":                        "",
		"a.safetensors b.safetensors":                "",
		"README.md":                                  "",
		"pytorch_model.bin training_args.bin x.json": "pytorch_model.bin",
	} {
		var files []hubFile
		for _, n := range strings.Fields(names) {
			files = append(files, hubFile{Type: "file", Path: n})
		}
		f, err := chooseFile(files, "")
		if want == "" {
			require.ErrorContains(t, err, "which file?")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, want, f.Path)
	}
}

// FuzzHubConfig: whatever a repository says, an error or a recipe that is valid, or none.
func FuzzHubConfig(f *testing.F) {
	f.Add([]byte(timmConfigJSON))
	f.Add([]byte(`{"size": {"shortest_edge": 384}, "crop_pct": 0.875, "do_normalize": true, "resample": 3, "rescale_factor": 0.5, "do_center_crop": true, "crop_size": 3}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, r, err := ReadHubConfig(data)
		if err == nil && r.Size != [2]int{} {
			require.NoError(t, r.Validate())
		}
	})
}

// Recipes of timm, old and new, and of transformers.
func TestHubRecipe(t *testing.T) {
	torch := func(change func(r *image.Recipe)) image.Recipe {
		r := image.Torchvision(256, 224)
		change(&r)
		return r
	}
	for text, want := range map[string]image.Recipe{
		timmConfigJSON: torch(func(r *image.Recipe) {
			r.Resize.Edge, r.Interpolation, r.Mean, r.Std = 235, "bicubic", [3]float32{0.5, 0.4, 0.3}, [3]float32{0.2, 0.25, 0.3}
		}),
		`{"architecture": "vgg16", "input_size": [3, 224, 224], "crop_pct": 0.875, "interpolation": "bilinear"}`: torch(func(r *image.Recipe) {}),
		`{"pretrained_cfg": {"input_size": [3, 288, 288], "crop_pct": 1.0, "crop_mode": "squash"}}`: torch(func(r *image.Recipe) {
			r.Size, r.Resize = [2]int{288, 288}, image.Resize{H: 288, W: 288}
		}),
		`{"do_resize": true, "size": 224, "crop_pct": 0.875, "resample": 3, "do_normalize": true, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}`: torch(func(r *image.Recipe) {
			r.Interpolation = "bicubic"
		}),
		`{"size": {"shortest_edge": 384}, "crop_pct": 0.875, "do_normalize": true}`: torch(func(r *image.Recipe) {
			r.Size, r.Resize, r.Crop = [2]int{384, 384}, image.Resize{H: 384, W: 384}, "none"
		}),
		`{"size": {"shortest_edge": 256}, "do_center_crop": true, "crop_size": {"height": 224, "width": 224}, "resample": 2, "do_rescale": true, "rescale_factor": 0.00392156862745098,
			"do_normalize": false}`: torch(func(r *image.Recipe) { r.Mean, r.Std = [3]float32{}, [3]float32{1, 1, 1} }),
		`{"size": {"height": 224, "width": 192}, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}`: torch(func(r *image.Recipe) {
			r.Size, r.Resize, r.Crop, r.Mean, r.Std = [2]int{224, 192}, image.Resize{H: 224, W: 192}, "none", [3]float32{.5, .5, .5}, [3]float32{.5, .5, .5}
		}),
		`{"model_type": "resnet", "num_channels": 3}`: {},
	} {
		var c hubConfig
		require.NoError(t, json.Unmarshal([]byte(text), &c))
		got, err := c.recipe()
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, reason := range map[string]string{
		`{"input_size": [3, 224, 224], "interpolation": "best"}`:         "interpolation",
		`{"input_size": [3, 224, 224], "mean": [1]}`:                     "1 numbers for 3 channels",
		`{"input_size": [3, 224, 224], "crop_mode": "border"}`:           "crop_mode",
		`{"input_size": [3, 224, 192]}`:                                  "only square ones",
		`{"input_size": [3, -1, 1e9]}`:                                   "",
		`{"input_size": [3, 0, 0]}`:                                      "input_size [3 0 0]",
		`{"input_size": [3, 224, 224], "crop_pct": -1}`:                  "crop_pct -1",
		`{"size": {"longest_edge": 3}, "do_normalize": true}`:            "size: ",
		`{"size": 224, "do_normalize": true, "resample": 9}`:             "resample 9",
		`{"size": 224, "do_normalize": true, "do_center_crop": true}`:    "crop_size",
		`{"size": {"height": 5}, "do_normalize": true, "crop_pct": 0.9}`: "recipe: ",
	} {
		var c hubConfig
		err := json.Unmarshal([]byte(text), &c)
		if err == nil {
			_, err = c.recipe()
		}
		require.ErrorContains(t, err, reason, text)
	}
}

func TestHubFilesBeside(t *testing.T) {
	h := newHub(t, map[string]string{"onnx/model.onnx": "graph", "onnx/model.onnx_data": "external weights", "lonely.onnx": "graph"})
	t.Setenv(envEndpoint, h.URL)
	t.Setenv(EnvCache, t.TempDir())
	t.Setenv(EnvOffline, "")
	t.Setenv(envToken, "")
	pull := func(name string, needs ...string) (found string, err error) {
		p, err := NewPuller()
		require.NoError(t, err)
		p.retry.Attempts = 1
		p.Beside = func(string) ([]string, error) { return needs, nil }
		p.Convert = func(ctx context.Context, src, dst string, e Entry) error {
			require.Equal(t, sha([]byte("graph")), e.SHA256)
			data, err := os.ReadFile(filepath.Join(filepath.Dir(src), "model.onnx_data"))
			require.NoError(t, err)
			found = string(data)
			return fakeConvert(ctx, src, dst, e)
		}
		path, err := p.Pull(t.Context(), name)
		if err == nil {
			digest, err := os.ReadFile(p.Cache.digest(name))
			require.NoError(t, err)
			require.Equal(t, sha([]byte("graph"))+"  model.onnx\n", string(digest), "of the model, not of what lies beside it")
			require.NoDirExists(t, p.Cache.sources(name))
			require.FileExists(t, path)
		}
		return found, err
	}
	_, err := pull("hf:some/net/lonely.onnx", "model.onnx_data")
	require.ErrorContains(t, err, `lonely.onnx needs "model.onnx_data", which the repository does not have`)
	for _, outside := range []string{"../model.onnx_data", "sub/model.onnx_data", "/etc/passwd", `..\x`} {
		_, err = pull("hf:some/net/onnx/model.onnx", outside)
		require.ErrorContains(t, err, "in another folder: download both")
	}
	h.lfs["onnx/model.onnx_data"] = sha([]byte("other"))
	_, err = pull("hf:some/net/onnx/model.onnx", "model.onnx_data")
	require.ErrorContains(t, err, "it is not the file that was published, and is not used")
	delete(h.lfs, "onnx/model.onnx_data")
	found, err := pull("hf:some/net/onnx/model.onnx", "model.onnx", "model.onnx_data")
	require.NoError(t, err)
	require.Equal(t, "external weights", found)
}
