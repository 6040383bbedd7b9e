package weights

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/featx-go/featx/internal/filelock"
)

// EnvCache names the folder of the cache, instead of "featx" in the user's cache folder.
const EnvCache = "FEATX_CACHE"

// Cache is the folder of the models that were pulled:
//
//	models/torchvision/resnet50.safetensors   the model file
//	models/torchvision/resnet50.sha256        of the published file that it was made of, as sha256sum writes it
//	models/hf/OWNER/NAME@REVISION#FILE.safetensors
//	sources/torchvision/resnet50-0676ba61.pth what is being downloaded (.part), or was kept
type Cache struct{ Dir string }

// DefaultCache is the folder of FEATX_CACHE, or else featx in the user's cache folder ($XDG_CACHE_HOME or ~/.cache on Linux).
func DefaultCache() (Cache, error) {
	dir := os.Getenv(EnvCache)
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return Cache{}, fmt.Errorf("no folder for the cache: %w; name one with %s", err, EnvCache)
		}
		dir = filepath.Join(user, "featx")
	}
	dir, err := filepath.Abs(dir)
	return Cache{dir}, err
}

const modelEnding = ".safetensors"

// Path is where the model file of that name is, or will be.
func (c Cache) Path(name string) string { return c.model(name) + modelEnding }

// model is the path of a model file without its ending.
func (c Cache) model(name string) string {
	if ref, ok := strings.CutPrefix(name, HubPrefix); ok {
		if r, err := parseHub(ref); err == nil {
			name = "hf/" + r.owner + "/" + r.repo + "@" + url.PathEscape(r.revision)
			if r.file != "" {
				name += "#" + url.PathEscape(r.file)
			}
		}
	}
	return filepath.Join(c.Dir, "models", filepath.FromSlash(name))
}

// Cached gives the path of a model in the cache by any of its names; false if it is not there.
func (c Cache) Cached(name string) (string, bool) {
	name, err := Canonical(name)
	if err != nil {
		return "", false
	}
	path := c.Path(name)
	info, err := os.Stat(path)
	return path, err == nil && info.Mode().IsRegular()
}

// Names lists the models in the cache, sorted.
func (c Cache) Names() ([]string, error) {
	root := filepath.Join(c.Dir, "models")
	var names []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil || d.IsDir():
			return err
		}
		name, ok := strings.CutSuffix(filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator))), modelEnding)
		if !ok || strings.HasPrefix(d.Name(), ".") {
			return nil
		}
		if name, ok = nameOf(name); ok {
			names = append(names, name)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// nameOf is the inverse of model; false for files that the cache did not make.
func nameOf(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, "hf/")
	if !ok {
		e, err := Lookup(path)
		return e.Name, err == nil && e.Name == path
	}
	repo, rest, ok := strings.Cut(rest, "@")
	revision, file, _ := strings.Cut(rest, "#")
	revision, err1 := url.PathUnescape(revision)
	file, err2 := url.PathUnescape(file)
	if !ok || err1 != nil || err2 != nil {
		return "", false
	}
	owner, repo, _ := strings.Cut(repo, "/")
	return hubRef{owner, repo, revision, file}.name(), true
}

// Remove deletes a model and what was kept or begun of its source. It waits for a process that is pulling it.
func (c Cache) Remove(ctx context.Context, name string, waits func()) error {
	canonical, err := Canonical(name)
	if err != nil {
		return err
	}
	files := []string{c.Path(canonical)}
	if strings.HasPrefix(canonical, HubPrefix) { // has a folder of its own
		files = append(files, c.digest(canonical), c.sources(canonical))
	} else {
		e, err := Lookup(canonical)
		if err != nil {
			return err
		}
		source := filepath.Join(c.sources(canonical), e.file())
		files = append(files, source, source+partEnding, source+stateEnding)
	}
	files = slices.DeleteFunc(files, func(path string) bool {
		_, err := os.Lstat(path)
		return errors.Is(err, fs.ErrNotExist)
	})
	if len(files) == 0 {
		return fmt.Errorf("model %s is not in the cache (%s)", canonical, c.Dir)
	}
	unlock, err := c.lock(ctx, canonical, waits)
	if err != nil {
		return err
	}
	defer unlock()
	for _, path := range files {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// Find opens a model file by its path, or a model by its name: the embedded one (also ""), or one in the cache. It downloads nothing.
func Find(name string) (*Model, error) {
	if name == "" || name == EmbeddedName {
		return Embedded()
	}
	if !IsName(name) {
		return Open(name)
	}
	canonical, err := Canonical(name)
	if err != nil {
		return nil, err
	}
	cache, err := DefaultCache()
	if err != nil {
		return nil, err
	}
	path, ok := cache.Cached(canonical)
	if !ok {
		return nil, fmt.Errorf("model %s is not in the cache (%s): `featx pull %[1]s` downloads it", canonical, cache.Dir)
	}
	m, err := Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w; `featx pull --force %s` makes it anew", err, canonical)
	}
	return m, nil
}

// IsName says whether a string names a model that has to be pulled, rather than a file: there is no such file, and it has the form of a name.
func IsName(name string) bool {
	if _, err := os.Stat(name); err == nil || name == "" || name == EmbeddedName {
		return false
	}
	source, _, qualified := strings.Cut(name, "/")
	switch {
	case strings.HasPrefix(name, HubPrefix):
		return true
	case qualified:
		return source == "torchvision" || source == "keras"
	}
	return !strings.ContainsAny(name, `.\`)
}

// sources is the folder of the downloaded file.
func (c Cache) sources(name string) string {
	if strings.HasPrefix(name, HubPrefix) {
		return filepath.Join(c.Dir, "sources", strings.TrimPrefix(c.model(name), filepath.Join(c.Dir, "models")))
	}
	source, _, _ := strings.Cut(name, "/")
	return filepath.Join(c.Dir, "sources", source)
}

// digest is the path of the file with the source's SHA-256. It stays when the model is removed.
func (c Cache) digest(name string) string { return c.model(name) + ".sha256" }

// firstDigest gives the source's SHA-256 as it was when it was first pulled, or "".
func (c Cache) firstDigest(name string) (string, error) {
	text, err := os.ReadFile(c.digest(name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	digest, _, _ := strings.Cut(string(text), " ")
	if len(digest) != 64 || strings.Trim(digest, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%s: holds no SHA-256; delete it to begin anew", c.digest(name))
	}
	return digest, nil
}

// lock takes a model for this process alone; waits is called once if another one has it.
func (c Cache) lock(ctx context.Context, name string, waits func()) (unlock func(), err error) {
	path := c.model(name)
	path = filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, fmt.Errorf("the cache: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("the cache: %w", err)
	}
	for first := true; ; first = false {
		ok, err := filelock.TryLock(f)
		if ok {
			return func() { f.Close() }, nil
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: cannot be locked: %w", path, err)
		}
		if first && waits != nil {
			waits()
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
