package weights

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/featx-go/featx/internal/atomicfile"
	"github.com/featx-go/featx/internal/web"
)

// Environment variables of a Puller.
const (
	EnvMirror  = "FEATX_MIRROR"  // a base URL or a folder that has the registry's files by their names
	EnvOffline = "FEATX_OFFLINE" // 1: nothing is downloaded
)

// Puller downloads published weights, checks them and puts model files into a cache.
type Puller struct {
	Cache      Cache
	Convert    func(ctx context.Context, src, dst string, e Entry) error // makes the model file; dst must appear whole or not at all
	Beside     func(path string) ([]string, error)                       // files that weights of a repository need beside them; may be nil
	Force      bool                                                      // also what is in the cache already
	KeepSource bool                                                      // the downloaded file stays in the cache, beside the model file
	Notify     func(message string)                                      // of what takes time or is tried again; may be nil
	Progress   func(done, total int64)                                   // bytes of the download, often; total is -1 if the server does not tell

	mirror          string
	offline         string // why nothing can be downloaded; "" if it can
	endpoint, token string // of Hugging Face
	client          *http.Client
	stall           time.Duration // without a byte
	retry           web.Retry
}

// NewPuller reads the environment: FEATX_CACHE, FEATX_MIRROR, FEATX_OFFLINE, HF_ENDPOINT, HF_TOKEN, and HTTPS_PROXY and its like.
func NewPuller() (*Puller, error) {
	cache, err := DefaultCache()
	if err != nil {
		return nil, err
	}
	p := &Puller{
		Cache: cache, mirror: strings.TrimPrefix(os.Getenv(EnvMirror), "file://"), endpoint: os.Getenv(envEndpoint), token: os.Getenv(envToken),
		client: web.NewClient(), stall: 30 * time.Second, retry: web.Retry{Attempts: 6, Backoff: time.Second},
	}
	if p.endpoint == "" {
		p.endpoint = "https://huggingface.co"
	}
	p.endpoint = strings.TrimRight(p.endpoint, "/")
	if scheme, _, ok := strings.Cut(p.mirror, "://"); ok && scheme != "http" && scheme != "https" {
		return nil, fmt.Errorf("%s=%s: want a URL with http or https, or a folder", EnvMirror, p.mirror)
	}
	switch v := os.Getenv(EnvOffline); strings.ToLower(v) {
	case "", "0", "false", "no":
	case "1", "true", "yes":
		p.offline = EnvOffline + " forbids to download it"
	default:
		return nil, fmt.Errorf("%s=%s: want 1 or 0", EnvOffline, v)
	}
	if runtime.GOOS == "wasip1" {
		p.offline = "WebAssembly has no network: let a native featx pull it into that folder, or name a folder of published files with " + EnvMirror
	}
	return p, nil
}

// Canonical is the name under which a model is in the cache: the registry's own, or a Hugging Face reference without what is understood.
func Canonical(name string) (string, error) {
	if ref, ok := strings.CutPrefix(name, HubPrefix); ok {
		r, err := parseHub(ref)
		if err != nil {
			return "", err
		}
		return r.name(), nil
	}
	e, err := Lookup(name)
	return e.Name, err
}

func (p *Puller) notify(format string, args ...any) {
	if p.Notify != nil {
		p.Notify(fmt.Sprintf(format, args...))
	}
}

// Pull gives the path of a model file in the cache; if it is not there, or with Force, the weights are downloaded, verified and converted. Two processes do not do it
// both: the second waits. Whatever happens, the cache holds only what was verified and converted to the end; a download that was broken off is resumed by the next Pull.
func (p *Puller) Pull(ctx context.Context, name string) (string, error) {
	name, err := Canonical(name)
	if err != nil {
		return "", err
	}
	model := p.Cache.Path(name)
	if _, ok := p.Cache.Cached(name); ok && !p.Force {
		return model, nil
	}
	hub := strings.HasPrefix(name, HubPrefix)
	if p.offline != "" && (hub || !p.mirrorIsFolder()) {
		return "", fmt.Errorf("model %s is not in the cache (%s), and %s", name, p.Cache.Dir, p.offline)
	}
	unlock, err := p.Cache.lock(ctx, name, func() { p.notify("%s: another process is pulling it; waiting", name) })
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, ok := p.Cache.Cached(name); ok && !p.Force {
		return model, nil
	}
	removeStale(filepath.Dir(model))
	var e Entry
	var beside func(file string) (Entry, error)
	if hub {
		e, beside, err = p.resolveHub(ctx, name)
	} else {
		e, err = Lookup(name)
	}
	if err != nil {
		return "", err
	}
	source, ours, err := p.source(ctx, e, p.Cache.digest(name))
	if err != nil {
		return "", err
	}
	if hub && p.Beside != nil {
		if err := p.pullBeside(ctx, source, beside); err != nil {
			return "", err
		}
	}
	if err := p.Convert(ctx, source, model, e); err != nil {
		if ours && ctx.Err() == nil {
			p.notify("%s: the download stays in %s", name, source)
		}
		return "", err
	}
	if ours && !p.KeepSource {
		os.Remove(source)
		if hub {
			os.RemoveAll(p.Cache.sources(name))
		}
	}
	return model, nil
}

// pullBeside gets the files that a repository's weights refer to, into the same folder.
func (p *Puller) pullBeside(ctx context.Context, source string, beside func(file string) (Entry, error)) error {
	names, err := p.Beside(source)
	if err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	for _, name := range names {
		if name == filepath.Base(source) { // refers to itself
			continue
		}
		e, err := beside(name)
		if err == nil {
			_, _, err = p.source(ctx, e, "")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeStale deletes what conversions that were killed have left in a folder: half a model each. Those of another process may be at work, so they must be old.
func removeStale(dir string) {
	stale, _ := filepath.Glob(filepath.Join(dir, ".featx-*.tmp"))
	for _, path := range stale {
		if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			os.Remove(path)
		}
	}
}

func (p *Puller) mirrorIsFolder() bool { return p.mirror != "" && !strings.Contains(p.mirror, "://") }

// file is the name of the published file.
func (e *Entry) file() string { return path.Base(e.URL) }

// source gives the path of the verified file of weights, and whether it is the cache's own: a mirror's is used where it is. The digest of the first use goes to the file
// digest, if that is not "".
func (p *Puller) source(ctx context.Context, e Entry, digest string) (path string, ours bool, err error) {
	hub := strings.HasPrefix(e.Name, HubPrefix)
	from := e.URL
	if p.mirror != "" && !hub {
		from = strings.TrimRight(p.mirror, "/") + "/" + e.file()
	}
	first, err := p.Cache.firstDigest(e.Name)
	if err != nil {
		return "", false, err
	}
	if hub { // another revision of the repository, or of the branch, is another file: its digest is published or new
		first = ""
	}
	if p.mirrorIsFolder() && !hub {
		path = filepath.Join(p.mirror, e.file())
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return "", false, fmt.Errorf("%s: no such file in the mirror of %s", path, EnvMirror)
		}
		return path, false, p.verify(path, path, e, first, digest)
	}

	folder := p.Cache.sources(e.Name)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return "", false, fmt.Errorf("the cache: %w", err)
	}
	path = filepath.Join(folder, e.file())
	if _, err := os.Stat(path); err == nil {
		told := e.SHA256+e.MD5+first != "" // else it may be anything
		if told && p.verify(path, path, e, first, digest) == nil {
			return path, true, nil
		}
		if err := os.Remove(path); err != nil {
			return "", false, fmt.Errorf("the cache: %w", err)
		}
	}
	p.notify("%s: downloading %s", e.Name, from)
	for again := false; ; again = true {
		resumed, err := p.download(ctx, from, path, e)
		if err != nil {
			return "", false, err
		}
		err = p.verify(path+partEnding, from, e, first, digest)
		if err == nil {
			break
		}
		removePart(path)
		if !resumed || again {
			return "", false, err
		}
		p.notify("%v; its parts may be of different files: once more from the start", err)
	}
	if err := os.Rename(path+partEnding, path); err != nil {
		return "", false, fmt.Errorf("the cache: %w", atomicfile.Cause(err))
	}
	removePart(path)
	return path, true, nil
}

// verify compares a file with what is published of it and with the SHA-256 of its first use, which it stores in the file digest at the first. from is named in the error.
func (p *Puller) verify(file, from string, e Entry, first, digest string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	sha, md := sha256.New(), md5.New()
	sums := io.Writer(sha)
	if e.MD5 != "" {
		sums = io.MultiWriter(sha, md)
	}
	if _, err := io.CopyBuffer(sums, struct{ io.Reader }{f}, make([]byte, 1<<20)); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	got := hex.EncodeToString(sha.Sum(nil))
	if !strings.HasPrefix(got, e.SHA256) {
		return fmt.Errorf("%s: the file's SHA-256 is %s, the published one %s %s: it is not the file that was published, and is not used",
			from, got, map[bool]string{true: "is", false: "begins with"}[len(e.SHA256) == len(got)], e.SHA256)
	}
	if got := hex.EncodeToString(md.Sum(nil)); e.MD5 != "" && got != e.MD5 {
		return fmt.Errorf("%s: the file's MD5 is %s, the published one is %s: it is not the file that was published, and is not used", from, got, e.MD5)
	}
	if first != "" && got != first {
		return fmt.Errorf("%s: the file's SHA-256 is %s, but at its first use it was %s: the file was changed, and is not used; if you trust the new one, delete %s",
			from, got, first, digest)
	}
	if first == "" && digest != "" {
		return storeDigest(digest, got, e.file())
	}
	return nil
}

func storeDigest(path, digest, file string) error {
	f, err := atomicfile.Create(context.Background(), path)
	if err == nil {
		defer f.Abort()
		if _, err = fmt.Fprintf(f, "%s  %s\n", digest, file); err == nil {
			err = f.Commit()
		}
	}
	if err != nil {
		return fmt.Errorf("%s: not written: %w", path, atomicfile.Cause(err))
	}
	return nil
}
