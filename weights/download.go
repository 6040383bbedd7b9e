package weights

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/featx-go/featx/internal/atomicfile"
	"github.com/featx-go/featx/internal/web"
)

// Endings of what a download leaves until it is complete: the bytes so far, and what tells whether the server still has the same file.
const (
	partEnding  = ".part"
	stateEnding = ".part.json"
)

// state belongs to a .part file.
type state struct {
	URL      string `json:"url"`
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"last_modified,omitempty"`
	Size     int64  `json:"size"` // of the whole file; -1 if the server did not tell
	Encoded  bool   `json:"encoded,omitempty"`
}

// validator is what If-Range takes: a strong ETag, or else the time of the last change.
func (s state) validator() string {
	if s.ETag != "" && !strings.HasPrefix(s.ETag, "W/") {
		return s.ETag
	}
	return s.Modified
}

// refused is what to do when the server does not know who asks.
const refused = "it wants to know who asks; for Hugging Face set " + envToken + ", and accept the model's terms on its page"

// persist tries again what may succeed then.
func (p *Puller) persist(ctx context.Context, what string, attempt func() error) error {
	r := p.retry
	r.Notify = p.notify
	return r.Do(ctx, what, attempt)
}

// download completes path.part, and says whether it is made of more than one answer. The caller verifies it.
func (p *Puller) download(ctx context.Context, from, path string, e Entry) (resumed bool, err error) {
	err = p.persist(ctx, from, func() error {
		again, err := p.attempt(ctx, from, path, e)
		resumed = again
		return err
	})
	return resumed, err
}

// enough is the progress after which attempts are counted anew.
const enough = 64 << 10

// attempt gets what path.part lacks.
func (p *Puller) attempt(ctx context.Context, from, path string, e Entry) (resumed bool, err error) {
	part, err := os.OpenFile(path+partEnding, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return false, web.Final(err)
	}
	defer part.Close()
	info, err := part.Stat()
	if err != nil {
		return false, web.Final(err)
	}
	have := info.Size()
	s, err := readState(path)
	if err != nil || s.URL != from || s.Encoded || s.Size >= 0 && have > s.Size {
		have, s = 0, state{}
	}
	if have > 0 && have == s.Size {
		return true, nil
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(p.stall, func() { cancel(fmt.Errorf("no data for %v", p.stall)) })
	defer stalled.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return false, web.Final(err)
	}
	p.identify(request, e)
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		if v := s.validator(); v != "" {
			request.Header.Set("If-Range", v)
		}
	}
	response, err := p.client.Do(request)
	if err != nil {
		return false, web.NetworkError(ctx, err)
	}
	defer response.Body.Close()
	body, next := io.Reader(response.Body), state{URL: from, ETag: response.Header.Get("ETag"), Modified: response.Header.Get("Last-Modified"), Size: -1}
	restart := func(why string) (bool, error) {
		removePart(path)
		return false, errors.New(why + ": from the start")
	}
	switch {
	case response.StatusCode == http.StatusOK:
		have, next.Size = 0, response.ContentLength
	case response.StatusCode == http.StatusPartialContent && have > 0:
		first, size, err := contentRange(response.Header.Get("Content-Range"))
		switch {
		case err != nil:
			return restart(err.Error())
		case first != have || s.Size >= 0 && size != s.Size || s.ETag != "" && next.ETag != "" && next.ETag != s.ETag:
			return restart("the server's file is not the one whose beginning is here")
		}
		next.Size, resumed = size, true
	case response.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0:
		return restart("the server's file is shorter than what is here")
	default:
		return false, web.StatusError(response, refused)
	}
	switch encoding := response.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		if resumed {
			return restart("the server sends a part of a compressed file")
		}
		next.Size, next.Encoded = -1, true
		if body, err = gzip.NewReader(response.Body); err != nil {
			return false, web.NetworkError(ctx, fmt.Errorf("compressed with gzip, but broken: %w", err))
		}
	default:
		return false, web.Final(fmt.Errorf("the server compresses the file with %q, although it was asked not to", encoding))
	}
	if err := room(filepath.Dir(path), have, next.Size); err != nil {
		return resumed, web.Final(err)
	}
	if !resumed {
		if err := part.Truncate(0); err != nil {
			return resumed, web.Final(atomicfile.Cause(err))
		}
	}
	if err := writeState(path, next); err != nil {
		return resumed, web.Final(atomicfile.Cause(err))
	}

	start := have
	most := int64(1) << 40 // a server that never ends
	if e.Bytes > 0 {
		most = 4*e.Bytes + 64<<20
	}
	buffer := make([]byte, 256<<10)
	for {
		stalled.Reset(p.stall)
		n, err := body.Read(buffer)
		stalled.Stop() // a slow disk is no stalled server
		if n > 0 {
			if _, err := part.WriteAt(buffer[:n], have); err != nil {
				if errors.Is(err, syscall.ENOSPC) {
					removePart(path) // what is there is in the way
				}
				return resumed, web.Final(fmt.Errorf("%s: %w", path, atomicfile.Cause(err)))
			}
			have += int64(n)
			if p.Progress != nil {
				p.Progress(have, next.Size)
			}
		}
		if have > most {
			removePart(path)
			return resumed, web.Final(fmt.Errorf("the server sends more than %d bytes, the file should have about %d", most, e.Bytes))
		}
		if err == io.EOF && (next.Size < 0 || have == next.Size) {
			break
		}
		if err == io.EOF {
			err = fmt.Errorf("the connection ended after %d of %d bytes", have, next.Size)
		}
		if err != nil {
			err = web.NetworkError(ctx, err)
			if have-start >= enough && !next.Encoded {
				err = web.Progressed(err)
			}
			return resumed, err
		}
	}
	if err := part.Sync(); err != nil {
		return resumed, web.Final(atomicfile.Cause(err))
	}
	return resumed, nil
}

// identify sets the headers of every request. The token goes to Hugging Face only; the client drops it where it is sent on to another host.
func (p *Puller) identify(r *http.Request, e Entry) {
	r.Header.Set("User-Agent", "featx")
	r.Header.Set("Accept-Encoding", "identity")
	if p.token != "" && strings.HasPrefix(e.Name, HubPrefix) && strings.HasPrefix(r.URL.String(), p.endpoint+"/") {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
}

// contentRange reads "bytes 5-9/10"; size is -1 for "bytes 5-9/*".
func contentRange(text string) (from, size int64, err error) {
	broken := fmt.Errorf("the server answers with a part, but says of it %.100q", text)
	rest, ok := strings.CutPrefix(text, "bytes ")
	span, whole, ok2 := strings.Cut(rest, "/")
	first, last, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return 0, 0, broken
	}
	from, err1 := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	size = -1
	var err3 error
	if whole != "*" {
		size, err3 = strconv.ParseInt(whole, 10, 64)
	}
	if err := errors.Join(err1, err2, err3); err != nil || from < 0 || to < from || size >= 0 && to >= size {
		return 0, 0, broken
	}
	return from, size, nil
}

// room checks that the rest of the download fits the disk, and the model file beside it, which is about as large.
func room(dir string, have, size int64) error {
	if size < 0 {
		return nil
	}
	need, free := 2*size-have, freeSpace(dir)
	if free >= 0 && free < need {
		return fmt.Errorf("%s: the disk is too full: %d MB are needed for the download and the model file, %d MB are free; %s names another folder",
			dir, need>>20+1, free>>20, EnvCache)
	}
	return nil
}

func readState(path string) (s state, err error) {
	text, err := os.ReadFile(path + stateEnding)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	return s, err
}

func writeState(path string, s state) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(path+stateEnding, text, 0o666)
}

// removePart ends a download: nothing of it is left.
func removePart(path string) {
	os.Remove(path + partEnding)
	os.Remove(path + stateEnding)
}
