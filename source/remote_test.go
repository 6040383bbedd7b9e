package source

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/internal/web"
)

// faulty is a server of pictures that do what their names say.
func faulty(t *testing.T) (*httptest.Server, *sync.Map) {
	seen := new(sync.Map)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := seen.LoadOrStore(r.URL.Path, 0)
		seen.Store(r.URL.Path, n.(int)+1)
		first := n.(int) == 0
		switch r.URL.Path {
		case "/missing.jpg":
			http.NotFound(w, r)
		case "/secret.jpg":
			w.WriteHeader(http.StatusForbidden)
		case "/down.jpg":
			w.WriteHeader(http.StatusInternalServerError)
		case "/busy.jpg":
			if first {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			io.WriteString(w, "busy")
		case "/cut.jpg", "/always-cut.jpg":
			if first || r.URL.Path == "/always-cut.jpg" {
				w.Header().Set("Content-Length", "100")
				io.WriteString(w, "half")
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			}
			io.WriteString(w, "whole")
		case "/slow.jpg":
			time.Sleep(150 * time.Millisecond)
			io.WriteString(w, "slow")
		case "/silent.jpg":
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/large.jpg":
			w.Write(make([]byte, 2000))
		case "/endless.jpg":
			for r.Context().Err() == nil {
				w.Write(make([]byte, 500))
				w.(http.Flusher).Flush()
			}
		case "/loop.jpg":
			http.Redirect(w, r, "/loop.jpg", http.StatusFound)
		case "/moved.jpg":
			http.Redirect(w, r, "/a.jpg", http.StatusFound)
		default:
			io.WriteString(w, r.URL.Path[1:])
		}
	}))
	t.Cleanup(s.Close)
	return s, seen
}

func testOptions() Options {
	o := Options{MaxBytes: 1000}.withDefaults()
	o.retry, o.stall = web.Retry{Attempts: 3, Backoff: time.Millisecond}, time.Second
	return o
}

func TestRemote(t *testing.T) {
	server, seen := faulty(t)
	names := []string{"slow.jpg", "a.jpg", "missing.jpg", "secret.jpg", "down.jpg", "busy.jpg", "cut.jpg", "always-cut.jpg", "silent.jpg", "large.jpg", "endless.jpg", "loop.jpg", "moved.jpg",
		"s{1..30}.jpg", "shard.tar?x=1"}
	for i := range names {
		names[i] = server.URL + "/" + names[i]
	}
	names = append(names, "http://", "http://127.0.0.1:1/a.jpg")
	s := &ahead{Source: each(names, testOptions())}
	defer s.Close()
	got := map[string]string{}
	var order []string
	for {
		item, err := s.Next(t.Context())
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		name := strings.TrimPrefix(item.Name, server.URL+"/")
		order = append(order, name)
		text := ""
		if item.Err != nil {
			text = "error: " + item.Err.Error()
		} else if r, err := item.Open(); err != nil {
			text = "error: " + err.Error()
		} else {
			data, err := io.ReadAll(r)
			require.NoError(t, err)
			text = string(data)
		}
		got[name] = text
	}
	want := map[string]string{
		"slow.jpg": "slow", "a.jpg": "a.jpg", "busy.jpg": "busy", "cut.jpg": "whole", "moved.jpg": "a.jpg",
		"missing.jpg":              "error: the server answers 404 Not Found: there is no such file",
		"secret.jpg":               "error: the server answers 403 Forbidden: it does not give this to everybody",
		"down.jpg":                 "error: given up after 3 attempts: the server answers 500 Internal Server Error",
		"always-cut.jpg":           "error: given up after 3 attempts: the connection was cut",
		"silent.jpg":               "error: given up after 3 attempts: no data for 1s",
		"large.jpg":                "error: 2000 bytes, at most 1000 are read",
		"endless.jpg":              "error: more than 1000 bytes",
		"loop.jpg":                 "error: redirected more than 10 times",
		"shard.tar?x=1":            "error: archives are read from files: download it first",
		"http://":                  "error: is not an address",
		"http://127.0.0.1:1/a.jpg": "error: given up after 3 attempts: dial tcp 127.0.0.1:1: connect: connection refused",
	}
	wantOrder := []string{}
	for _, name := range names {
		name = strings.TrimPrefix(name, server.URL+"/")
		if name == "s{1..30}.jpg" {
			for i := 1; i <= 30; i++ {
				n := fmt.Sprintf("s%d.jpg", i)
				want[n], wantOrder = n, append(wantOrder, n)
			}
			continue
		}
		wantOrder = append(wantOrder, name)
	}
	require.Equal(t, want, got)
	require.Equal(t, wantOrder, order)
	n, _ := seen.Load("/missing.jpg")
	require.Equal(t, 1, n)
}

// Skipping asks no server, and what is left comes whole; a stopped run leaves nobody waiting.
func TestRemoteSkipAndStop(t *testing.T) {
	server, seen := faulty(t)
	s := &ahead{Source: each([]string{server.URL + "/x{1..40}.jpg", server.URL + "/silent.jpg"}, testOptions())}
	for range 20 {
		_, err := s.Skip(t.Context())
		require.NoError(t, err)
	}
	_, ok := seen.Load("/x20.jpg")
	require.False(t, ok)
	ctx, stop := context.WithCancel(t.Context())
	var last Item
	for i := 21; i <= 40; i++ {
		item, err := s.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%s/x%d.jpg", server.URL, i), item.Name)
	}
	last, err := s.Next(ctx)
	require.NoError(t, err)
	stop()
	_, err = last.Open()
	require.ErrorIs(t, err, context.Canceled)
}
