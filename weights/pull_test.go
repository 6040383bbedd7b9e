package weights

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/internal/testdisk"
	"github.com/featx-go/featx/internal/web"
)

// The tests' weights are random bytes, and the conversion writes "model of" and their SHA-256: what is checked here is that nothing else ever gets into the cache.

func randomFile(seed uint64, n int) []byte {
	data := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

func sha(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func fakeConvert(_ context.Context, src, dst string, _ Entry) error {
	data, err := os.ReadFile(src)
	if err != nil {
		return err
	}
	return os.WriteFile(dst, []byte("model of "+sha(data)), 0o666)
}

// register adds an entry to the registry for one test.
func register(t *testing.T, e Entry) {
	old := published
	published = append(published[:len(published):len(published)], e)
	t.Cleanup(func() { published = old })
}

const testName = "torchvision/test"

// quick is a Puller that loses patience soon.
func quick(dir string, notes *[]string) *Puller {
	return &Puller{
		Cache: Cache{dir}, Convert: fakeConvert, client: web.NewClient(), stall: 10 * time.Second, retry: web.Retry{Attempts: 4, Backoff: time.Millisecond},
		Notify: func(m string) {
			if notes != nil {
				*notes = append(*notes, m)
			}
		},
	}
}

// requireCache expects the model of this file in the cache, or nothing but what a later pull can use; no file may have another content.
func requireCache(t *testing.T, c Cache, want []byte) {
	t.Helper()
	got, err := os.ReadFile(c.Path(testName))
	if want == nil {
		require.ErrorIs(t, err, os.ErrNotExist)
		names, err := c.Names()
		require.NoError(t, err)
		require.Empty(t, names)
		return
	}
	require.NoError(t, err)
	require.Equal(t, "model of "+sha(want), string(got))
	digest, err := os.ReadFile(c.digest(testName))
	require.NoError(t, err)
	require.Equal(t, sha(want)+"  file.pth\n", string(digest))
	left, err := os.ReadDir(c.sources(testName))
	require.NoError(t, err)
	require.Empty(t, left)
}

// served counts what was asked.
type served struct {
	mu       sync.Mutex
	requests []*http.Request
}

func (s *served) add(r *http.Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Clone(context.Background()))
	return len(s.requests)
}

func (s *served) all() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*http.Request(nil), s.requests...)
}

func content(w http.ResponseWriter, r *http.Request, data []byte) {
	w.Header().Set("ETag", `"`+sha(data)[:16]+`"`)
	http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(data))
}

// cut answers as content does, but ends the connection after n bytes of the body.
func cut(w http.ResponseWriter, r *http.Request, data []byte, n int) {
	answer := httptest.NewRecorder()
	content(answer, r, data)
	for k, v := range answer.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes()[:min(n, answer.Body.Len())])
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

// Whatever a server does, a pull ends in the right file or in a clear error, and the cache never holds anything else.
func TestPull(t *testing.T) {
	file := randomFile(1, 1_000_000)
	other := randomFile(2, 1_000_000)
	compressed := gzipped(file)
	type handler func(w http.ResponseWriter, r *http.Request, n int) // n: 1 is the first request
	first := func(times int, bad func(w http.ResponseWriter, r *http.Request)) handler {
		return func(w http.ResponseWriter, r *http.Request, n int) {
			if n <= times {
				bad(w, r)
				return
			}
			content(w, r, file)
		}
	}
	status := func(code int, header ...string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			if len(header) > 0 {
				w.Header().Set(header[0], header[1])
			}
			http.Error(w, "no", code)
		}
	}
	cutAt := func(n int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) { cut(w, r, file, n) }
	}
	whole := func(w http.ResponseWriter, data []byte) { // as a server that knows no ranges and no validators
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.Write(data)
	}
	cases := []struct {
		name     string
		serve    handler
		requests int    // that it takes; 0 is any number
		ranges   string // the Range headers asked, with commas
		err      string // or success
		stall    time.Duration
	}{
		{"whole", first(0, nil), 1, "", "", 0},
		{"cut at 0", first(1, cutAt(0)), 2, ",", "", 0},
		{"cut at 1", first(1, cutAt(1)), 2, ",bytes=1-", "", 0},
		{"cut at 65536", first(1, cutAt(65536)), 2, ",bytes=65536-", "", 0},
		{"cut near the end", first(1, cutAt(999_999)), 2, ",bytes=999999-", "", 0},
		{"cut thrice", first(3, cutAt(200_000)), 4, ",bytes=200000-,bytes=400000-,bytes=600000-", "", 0},
		{"cut again and again, but with progress", first(9, cutAt(100_000)), 10, "", "", 0},
		{"cut again and again", first(99, cutAt(10)), 4, "", "given up after 4 attempts: the connection was cut", 0},
		{"ignores ranges", func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				cut(w, r, file, 500_000)
			}
			r.Header.Del("Range")
			content(w, r, file)
		}, 2, ",bytes=500000-", "", 0},
		{"wrong file", func(w http.ResponseWriter, r *http.Request, _ int) { content(w, r, other) }, 1, "", "the file's SHA-256 is " + sha(other) + ", the published one begins with " + sha(file)[:8], 0},
		{"wrong file, resumed", func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				cut(w, r, other, 300_000)
			}
			content(w, r, other)
		}, 3, ",bytes=300000-,", "is not the file that was published", 0},
		{"wrong file, and cut each time", func(w http.ResponseWriter, r *http.Request, n int) {
			if n%2 == 1 {
				cut(w, r, other, 300_000)
			}
			content(w, r, other)
		}, 4, "", "is not the file that was published", 0},
		{"a web page", func(w http.ResponseWriter, r *http.Request, _ int) { whole(w, []byte("<html>Please log in")) }, 1, "", "is not the file that was published", 0},
		{"500", first(2, status(500)), 3, "", "", 0},
		{"503 for ever", first(99, status(503)), 4, "", "given up after 4 attempts: the server answers 503", 0},
		{"501", first(99, status(501)), 1, "", "the server answers 501", 0},
		{"429", first(1, status(429, "Retry-After", "1")), 2, "", "", 0},
		{"429 for long", first(1, status(429, "Retry-After", "86400")), 1, "", "the server asks to come back in 24h0m0s", 0},
		{"404", first(99, status(404)), 1, "", "the server answers 404 Not Found: there is no such file", 0},
		{"403", first(99, status(403)), 1, "", "it wants to know who asks", 0},
		{"changes between attempts", func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				cut(w, r, other, 400_000)
			}
			content(w, r, file)
		}, 2, ",bytes=400000-", "", 0},
		{"changes, and nothing tells", func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				w.Header().Set("Content-Length", fmt.Sprint(len(other)))
				w.Write(other[:400_000])
				panic(http.ErrAbortHandler)
			}
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
		}, 3, ",bytes=400000-,", "", 0},
		{"changes, and If-Range does not help", func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				cut(w, r, other, 400_000)
			}
			r.Header.Del("If-Range")
			content(w, r, file)
		}, 3, ",bytes=400000-,", "", 0},
		{"becomes shorter", func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				w.Header().Set("Content-Length", "2000000")
				w.Write(append(append([]byte(nil), file...), 0))
				panic(http.ErrAbortHandler)
			}
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
		}, 3, ",bytes=1000001-,", "", 0},
		{"becomes longer", func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				w.Header().Set("Content-Length", "900000")
				w.Write(file[:400_000])
				panic(http.ErrAbortHandler)
			}
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
		}, 3, ",bytes=400000-,", "", 0},
		{"answers with another part", func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				cut(w, r, file, 500_000)
			}
			if r.Header.Get("Range") != "" {
				w.Header().Set("Content-Range", "bytes 400000-999999/1000000")
				w.WriteHeader(http.StatusPartialContent)
				w.Write(file[400_000:])
				return
			}
			content(w, r, file)
		}, 3, ",bytes=500000-,", "", 0},
		{"answers with a part of nothing", func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				cut(w, r, file, 500_000)
			}
			if r.Header.Get("Range") != "" {
				w.Header().Set("Content-Range", "rows 5 to 7")
				w.WriteHeader(http.StatusPartialContent)
				return
			}
			content(w, r, file)
		}, 3, "", "", 0},
		{"a part, unasked", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.WriteHeader(http.StatusPartialContent)
			w.Write(file[:10])
		}, 1, "", "the server answers 206", 0},
		{"slow", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header().Set("Content-Length", fmt.Sprint(len(file)))
			for at := 0; at < len(file); at += 100_000 {
				w.Write(file[at : at+100_000])
				http.NewResponseController(w).Flush()
				time.Sleep(20 * time.Second) // 200 in all: longer than a stall may be
			}
		}, 1, "", "", 30 * time.Second},
		{"stalls", first(1, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"`+sha(file)[:16]+`"`)
			w.Header().Set("Content-Length", fmt.Sprint(len(file)))
			w.Write(file[:700_000])
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}), 2, ",bytes=700000-", "", 30 * time.Second},
		{"never answers", first(99, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), 4, "", "given up after 4 attempts: no data for 30s", 30 * time.Second},
		{"redirects", func(w http.ResponseWriter, r *http.Request, n int) {
			if !strings.HasPrefix(r.URL.Path, "/cdn/") {
				http.Redirect(w, r, "/cdn"+r.URL.Path, http.StatusFound)
				return
			}
			if n == 2 {
				cut(w, r, file, 123_456)
			}
			content(w, r, file)
		}, 4, ",,bytes=123456-,bytes=123456-", "", 0},
		{"redirects for ever", func(w http.ResponseWriter, r *http.Request, _ int) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, 10, "", "redirected more than 10 times", 0},
		{"says more than it sends", first(1, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000001")
			w.Write(file)
		}), 3, "", "", 0},
		{"says less than it has", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header().Set("Content-Length", "500000")
			w.Write(file[:500_000])
		}, 1, "", "is not the file that was published", 0},
		{"says nothing of the length", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Write(file[:500_000])
			http.NewResponseController(w).Flush()
			w.Write(file[500_000:])
		}, 1, "", "", 0},
		{"ends early without a length", first(1, func(w http.ResponseWriter, r *http.Request) {
			w.Write(file[:500_000])
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}), 2, ",bytes=500000-", "", 0},
		{"never ends", func(w http.ResponseWriter, r *http.Request, _ int) {
			for r.Context().Err() == nil {
				if _, err := w.Write(other); err != nil {
					return
				}
			}
		}, 1, "", "the server sends more than", 0},
		{"compresses", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(compressed)
		}, 1, "", "", 0},
		{"compresses and truncates", func(w http.ResponseWriter, r *http.Request, n int) {
			w.Header().Set("Content-Encoding", "gzip")
			z := compressed
			if n == 1 {
				z = z[:len(z)/2]
			}
			whole(w, z)
		}, 2, ",", "", 0},
		{"compresses and truncates for ever", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header().Set("Content-Encoding", "gzip")
			whole(w, compressed[:len(compressed)-20])
		}, 4, "", "given up after 4 attempts: the connection was cut", 0},
		{"compresses with something else", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header().Set("Content-Encoding", "br")
			w.Write(file)
		}, 1, "", `compresses the file with "br"`, 0},
	}
	for _, c := range cases {
		run := func(t *testing.T) {
			var asked served
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, asked.add(r)) }))
			p := quick(t.TempDir(), nil)
			if c.stall > 0 {
				p.stall = c.stall
				connections := pipes{make(chan net.Conn), make(chan struct{})}
				server.Listener.Close()
				server.Listener = connections
				p.client.Transport.(*http.Transport).DialContext = connections.dial
				defer p.client.CloseIdleConnections()
			}
			server.Start()
			defer server.Close()
			register(t, Entry{Name: testName, Bytes: 1_000_000, SHA256: sha(file)[:8], URL: server.URL + "/models/file.pth"})
			start := time.Now()
			path, err := p.Pull(t.Context(), "TEST")
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				require.Contains(t, err.Error(), server.URL+"/models/file.pth: ")
				require.NotContains(t, err.Error(), "\n")
				requireCache(t, p.Cache, nil)
			} else {
				require.NoError(t, err)
				require.Equal(t, p.Cache.Path(testName), path)
				requireCache(t, p.Cache, file)
			}
			if c.name == "429" {
				require.GreaterOrEqual(t, time.Since(start), time.Second)
			}
			if c.requests > 0 {
				require.Len(t, asked.all(), c.requests)
			}
			if c.ranges != "" {
				var ranges []string
				for _, r := range asked.all() {
					ranges = append(ranges, r.Header.Get("Range"))
				}
				require.Equal(t, c.ranges, strings.Join(ranges, ","))
			}
			if c.err == "" { // a second pull asks nobody
				before := len(asked.all())
				_, err := p.Pull(t.Context(), testName)
				require.NoError(t, err)
				require.Len(t, asked.all(), before)
			}
		}
		t.Run(c.name, func(t *testing.T) {
			if c.stall > 0 {
				synctest.Test(t, run)
				return
			}
			run(t)
		})
	}
}

// pipes are connections within the process, whose waiting the clock of testing/synctest knows of. Tests of patience use them, so that they depend on no real time.
type pipes struct {
	made   chan net.Conn
	closed chan struct{}
}

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.made <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.made:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	select {
	case <-p.closed: // the server closes it twice
	default:
		close(p.closed)
	}
	return nil
}

func (pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// What an interrupted pull has got, the next one uses.
func TestResumeLater(t *testing.T) {
	file := randomFile(1, 1_000_000)
	var asked served
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.add(r) == 1 {
			cut(w, r, file, 640_000)
		}
		content(w, r, file)
	}))
	defer server.Close()
	register(t, Entry{Name: testName, Bytes: 1_000_000, MD5: fmt.Sprintf("%x", md5.Sum(file)), URL: server.URL + "/file.pth"})
	p := quick(t.TempDir(), nil)
	ctx, stop := context.WithCancel(t.Context())
	p.Notify = func(m string) {
		if strings.Contains(m, "next attempt") {
			stop()
		}
	}
	_, err := p.Pull(ctx, testName)
	require.ErrorIs(t, err, context.Canceled)
	requireCache(t, p.Cache, nil)

	var done []int64
	p.Notify, p.Progress = nil, func(n, total int64) {
		require.EqualValues(t, len(file), total)
		done = append(done, n)
	}
	_, err = p.Pull(t.Context(), testName)
	require.NoError(t, err)
	requireCache(t, p.Cache, file)
	require.Equal(t, "bytes=640000-", asked.all()[1].Header.Get("Range"))
	require.Equal(t, `"`+sha(file)[:16]+`"`, asked.all()[1].Header.Get("If-Range"))
	require.Greater(t, done[0], int64(640_000))
	require.EqualValues(t, len(file), done[len(done)-1])

	// A part of another address, or without its state, is not used.
	for _, spoil := range []func(path string) error{
		func(string) error { return nil },
		func(path string) error { return os.WriteFile(path+stateEnding, []byte("{"), 0o666) },
		func(path string) error {
			return writeState(path, state{URL: "http://elsewhere/file.pth", Size: 1_000_000})
		},
		func(path string) error { return writeState(path, state{URL: server.URL + "/file.pth", Size: 10}) },
		func(path string) error { return writeState(path, state{URL: server.URL + "/file.pth", Size: 640_000}) }, // complete, it says
	} {
		p := quick(t.TempDir(), nil)
		path := filepath.Join(p.Cache.sources(testName), "file.pth")
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path+partEnding, randomFile(5, 640_000), 0o666))
		require.NoError(t, spoil(path))
		_, err := p.Pull(t.Context(), testName)
		require.NoError(t, err)
		requireCache(t, p.Cache, file)
	}
}

// The SHA-256 of the first use is checked later, whatever is published.
func TestFirstDigest(t *testing.T) {
	file, other := randomFile(1, 5000), randomFile(2, 5000)
	current := file
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { content(w, r, current) }))
	defer server.Close()
	register(t, Entry{Name: testName, URL: server.URL + "/file.pth"}) // nothing is published
	p := quick(t.TempDir(), nil)
	_, err := p.Pull(t.Context(), testName)
	require.NoError(t, err)
	requireCache(t, p.Cache, file)

	current = other
	p.Force = true
	_, err = p.Pull(t.Context(), testName)
	require.ErrorContains(t, err, "at its first use it was "+sha(file))
	requireCache(t, p.Cache, file) // the old model stays
	require.NoError(t, p.Cache.Remove(t.Context(), testName, nil))
	_, err = p.Pull(t.Context(), testName)
	require.ErrorContains(t, err, "if you trust the new one, delete "+p.Cache.digest(testName))
	requireCache(t, p.Cache, nil)
	require.NoError(t, os.Remove(p.Cache.digest(testName)))
	_, err = p.Pull(t.Context(), testName)
	require.NoError(t, err)
	requireCache(t, p.Cache, other)

	require.NoError(t, os.WriteFile(p.Cache.digest(testName), []byte("nonsense"), 0o666))
	_, err = p.Pull(t.Context(), testName)
	require.ErrorContains(t, err, "holds no SHA-256; delete it")

	published[len(published)-1].MD5 = strings.Repeat("0", 32)
	p = quick(t.TempDir(), nil)
	_, err = p.Pull(t.Context(), testName)
	require.ErrorContains(t, err, fmt.Sprintf("the file's MD5 is %x, the published one is 000", md5.Sum(other)))
	requireCache(t, p.Cache, nil)
}

func TestMirror(t *testing.T) {
	file := randomFile(1, 5000)
	var asked served
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.add(r)
		content(w, r, file)
	}))
	defer server.Close()
	register(t, Entry{Name: testName, SHA256: sha(file)[:8], URL: "https://weights.invalid/a/file.pth"})
	t.Setenv(EnvCache, t.TempDir())
	pull := func(mirror string) (*Puller, error) {
		t.Setenv(EnvMirror, mirror)
		p, err := NewPuller()
		if err != nil {
			return nil, err
		}
		p.Convert, p.retry.Attempts, p.Force = fakeConvert, 1, true
		_, err = p.Pull(t.Context(), testName)
		return p, err
	}
	p, err := pull(server.URL + "/sub/")
	require.NoError(t, err)
	requireCache(t, p.Cache, file)
	require.Equal(t, "/sub/file.pth", asked.all()[0].URL.Path)

	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "file.pth"), file, 0o666))
	t.Setenv(EnvOffline, "1")
	for _, mirror := range []string{folder, "file://" + folder} {
		p, err = pull(mirror)
		require.NoError(t, err)
		requireCache(t, p.Cache, file)
		require.FileExists(t, filepath.Join(folder, "file.pth"), "the mirror's file is not ours")
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "file.pth"), file[1:], 0o666))
	_, err = pull(folder)
	require.ErrorContains(t, err, "is not the file that was published")
	require.FileExists(t, filepath.Join(folder, "file.pth"))
	_, err = pull(t.TempDir())
	require.ErrorContains(t, err, "no such file in the mirror of FEATX_MIRROR")
	_, err = pull("ftp://host")
	require.ErrorContains(t, err, "want a URL with http or https, or a folder")
	for _, mirror := range []string{"", server.URL} {
		_, err = pull(mirror)
		require.ErrorContains(t, err, "FEATX_OFFLINE forbids to download it")
	}
	t.Setenv(EnvOffline, "perhaps")
	_, err = pull("")
	require.ErrorContains(t, err, "FEATX_OFFLINE=perhaps: want 1 or 0")
	require.Len(t, asked.all(), 1)
}

func TestKeepAndRemove(t *testing.T) {
	file := randomFile(1, 5000)
	var asked served
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.add(r)
		content(w, r, file)
	}))
	defer server.Close()
	register(t, Entry{Name: testName, SHA256: sha(file), URL: server.URL + "/file.pth"})
	p := quick(t.TempDir(), nil)
	p.KeepSource = true
	_, err := p.Pull(t.Context(), testName)
	require.NoError(t, err)
	source := filepath.Join(p.Cache.sources(testName), "file.pth")
	kept, err := os.ReadFile(source)
	require.NoError(t, err)
	require.Equal(t, file, kept)
	names, err := p.Cache.Names()
	require.NoError(t, err)
	require.Equal(t, []string{testName}, names)

	p.Force = true
	_, err = p.Pull(t.Context(), testName)
	require.NoError(t, err)
	require.Len(t, asked.all(), 1, "what was kept is used")
	require.NoError(t, os.WriteFile(source, file[1:], 0o666))
	_, err = p.Pull(t.Context(), testName)
	require.NoError(t, err)
	require.Len(t, asked.all(), 2, "but not if it is damaged")

	require.NoError(t, p.Cache.Remove(t.Context(), testName, nil))
	require.NoFileExists(t, source)
	names, err = p.Cache.Names()
	require.NoError(t, err)
	require.Empty(t, names)
	require.ErrorContains(t, p.Cache.Remove(t.Context(), testName, nil), "is not in the cache")

	require.NoError(t, os.WriteFile(source+partEnding, file[:9], 0o666))
	require.NoError(t, p.Cache.Remove(t.Context(), testName, nil), "what was only begun, too")
	require.NoFileExists(t, source+partEnding)

	// A conversion that fails leaves no model, and what was downloaded for the next time.
	p.KeepSource, p.Force = false, false
	p.Convert = func(context.Context, string, string, Entry) error { return fmt.Errorf("no such network") }
	_, err = p.Pull(t.Context(), testName)
	require.EqualError(t, err, "no such network")
	require.NoFileExists(t, p.Cache.Path(testName))
	p.Convert = fakeConvert
	_, err = p.Pull(t.Context(), testName)
	require.NoError(t, err)
	require.Len(t, asked.all(), 3)
	requireCache(t, p.Cache, file)
}

// Conversions that were killed leave temporary files; the next pull tidies up, but not behind one that may be at work.
func TestStale(t *testing.T) {
	file := randomFile(1, 5000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { content(w, r, file) }))
	defer server.Close()
	register(t, Entry{Name: testName, SHA256: sha(file), URL: server.URL + "/file.pth"})
	p := quick(t.TempDir(), nil)
	folder := filepath.Dir(p.Cache.Path(testName))
	require.NoError(t, os.MkdirAll(folder, 0o777))
	for name, age := range map[string]time.Duration{".featx-0123.tmp": 25 * time.Hour, ".featx-4567.tmp": time.Hour, "mine.tmp": 99 * time.Hour} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o666))
		require.NoError(t, os.Chtimes(filepath.Join(folder, name), time.Time{}, time.Now().Add(-age)))
	}
	_, err := p.Pull(t.Context(), testName)
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(folder, ".featx-0123.tmp"))
	require.FileExists(t, filepath.Join(folder, ".featx-4567.tmp"))
	require.FileExists(t, filepath.Join(folder, "mine.tmp"))
	requireCache(t, p.Cache, file)
}

// From https a server may not send the client on to http.
func TestDowngrade(t *testing.T) {
	file := randomFile(1, 5000)
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { content(w, r, file) }))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/good/file.pth" {
			content(w, r, file)
			return
		}
		http.Redirect(w, r, plain.URL+"/file.pth", http.StatusFound)
	}))
	defer secure.Close()
	p := quick(t.TempDir(), nil)
	for path, want := range map[string]string{"/good/file.pth": "", "/file.pth": "redirected from https to " + plain.URL} {
		register(t, Entry{Name: testName, SHA256: sha(file), URL: secure.URL + path})
		p.client = web.NewClient()
		_, err := p.Pull(t.Context(), testName)
		require.ErrorContains(t, err, "certificate") // at once, not after all attempts
		require.NotContains(t, err.Error(), "given up")
		p.client.Transport.(*http.Transport).TLSClientConfig = secure.Client().Transport.(*http.Transport).TLSClientConfig
		p.client.CloseIdleConnections()
		_, err = p.Pull(t.Context(), testName)
		if want == "" {
			require.NoError(t, err)
			require.NoError(t, p.Cache.Remove(t.Context(), testName, nil))
			published = published[:len(published)-1]
			continue
		}
		require.ErrorContains(t, err, want)
		requireCache(t, p.Cache, nil)
		published = published[:len(published)-1]
	}
}

func TestDiskFull(t *testing.T) {
	file := randomFile(1, 1_000_000)
	known := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if known {
			content(w, r, file)
			return
		}
		for at := 0; at < len(file); at += 1000 {
			w.Write(file[at : at+1000])
		}
	}))
	defer server.Close()
	register(t, Entry{Name: testName, SHA256: sha(file), URL: server.URL + "/file.pth"})
	p := quick(testdisk.Small(t, 500_000), nil)
	_, err := p.Pull(t.Context(), testName)
	require.ErrorContains(t, err, "the disk is too full: 2 MB are needed for the download and the model file, 0 MB are free; FEATX_CACHE names another folder")
	requireCache(t, p.Cache, nil)
	known = false
	_, err = p.Pull(t.Context(), testName)
	require.ErrorContains(t, err, "file.pth: the disk is full")
	requireCache(t, p.Cache, nil)
	left, err := os.ReadDir(p.Cache.sources(testName))
	require.NoError(t, err)
	require.Empty(t, left)
}

// The test binary is also a program that pulls one file: FEATX_TEST_PULL is its address, then its SHA-256.
func TestMain(m *testing.M) {
	if job := strings.Fields(os.Getenv("FEATX_TEST_PULL")); len(job) == 2 {
		published = append(published, Entry{Name: testName, SHA256: job[1], URL: job[0]})
		p, err := NewPuller()
		if err == nil {
			p.Convert = fakeConvert
			p.Notify = func(m string) { fmt.Fprintln(os.Stderr, m) }
			_, err = p.Pull(context.Background(), testName)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// otherProcess pulls in a process of its own, and gives what that has said so far.
func otherProcess(t *testing.T, cache, url string, file []byte) (*exec.Cmd, func() string) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "FEATX_TEST_PULL="+url+" "+sha(file), EnvCache+"="+cache, EnvMirror+"=", EnvOffline+"=")
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	defer stderr.Close()
	c.Stderr = stderr
	require.NoError(t, c.Start())
	return c, func() string {
		said, err := os.ReadFile(stderr.Name())
		require.NoError(t, err)
		return string(said)
	}
}

// Two processes that want the same model download it once.
func TestTwoProcesses(t *testing.T) {
	file := randomFile(1, 1_000_000)
	var asked served
	began, both := make(chan bool, 9), make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.add(r)
		began <- true
		<-both
		content(w, r, file)
	}))
	defer server.Close()
	cache := Cache{t.TempDir()}
	a, out := otherProcess(t, cache.Dir, server.URL+"/file.pth", file)
	<-began
	b, second := otherProcess(t, cache.Dir, server.URL+"/file.pth", file)
	c, third := otherProcess(t, cache.Dir, server.URL+"/file.pth", file)
	for _, said := range []func() string{second, third} {
		require.Eventually(t, func() bool { return said() == testName+": another process is pulling it; waiting\n" }, time.Minute, 10*time.Millisecond)
	}
	close(both)
	require.NoError(t, a.Wait())
	require.NoError(t, b.Wait())
	require.NoError(t, c.Wait())
	require.Equal(t, testName+": downloading "+server.URL+"/file.pth\n", out())
	require.Len(t, asked.all(), 1)
	requireCache(t, cache, file)
}

// A process that is killed in the middle leaves what the next one goes on with, and no lock.
func TestKilled(t *testing.T) {
	file := randomFile(1, 4_000_000)
	var asked served
	half := make(chan bool, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.add(r) > 1 {
			content(w, r, file)
			return
		}
		w.Header().Set("ETag", `"`+sha(file)[:16]+`"`)
		w.Header().Set("Content-Length", fmt.Sprint(len(file)))
		w.Write(file[:2_000_000])
		http.NewResponseController(w).Flush()
		half <- true
		<-r.Context().Done()
	}))
	defer server.Close()
	cache := Cache{t.TempDir()}
	a, _ := otherProcess(t, cache.Dir, server.URL+"/file.pth", file)
	<-half
	part := filepath.Join(cache.sources(testName), "file.pth"+partEnding)
	require.Eventually(t, func() bool {
		info, err := os.Stat(part)
		return err == nil && info.Size() == 2_000_000
	}, 20*time.Second, time.Millisecond)
	require.NoError(t, a.Process.Kill())
	require.Error(t, a.Wait())
	requireCache(t, cache, nil)

	b, out := otherProcess(t, cache.Dir, server.URL+"/file.pth", file)
	require.NoError(t, b.Wait(), out())
	require.Equal(t, testName+": downloading "+server.URL+"/file.pth\n", out())
	require.Equal(t, "bytes=2000000-", asked.all()[1].Header.Get("Range"))
	requireCache(t, cache, file)
}
