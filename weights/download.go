package weights

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/featx-go/featx/internal/atomicfile"
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

func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone() // with the proxy of the environment
	t.DialContext = (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = 15 * time.Second
	t.DisableCompression = true // ranges are of the file, not of its compressed form
	return &http.Client{Transport: t, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) >= 10 {
			return &finalError{errors.New("redirected more than 10 times")}
		}
		if via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https" {
			return &finalError{fmt.Errorf("redirected from https to %s", r.URL.Redacted())}
		}
		return nil
	}}
}

// finalError is one that another attempt would meet again.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// laterError is an answer that says when to try again.
type laterError struct {
	error
	after time.Duration
}

// progressed says that an attempt failed, but brought the download forward.
type progressed struct{ error }

func (e *progressed) Unwrap() error { return e.error }

const (
	maxWait = 30 * time.Second // between attempts, by our own count
	maxHint = 5 * time.Minute  // that a server may ask for
)

// retry calls attempt until it succeeds, fails for good, or fails too often in a row without progress. Waits grow exponentially, with jitter; a server's Retry-After counts.
func (p *Puller) retry(ctx context.Context, what string, attempt func() error) error {
	for failures := 0; ; {
		err := attempt()
		var final *finalError
		var later *laterError
		var forward *progressed
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &final):
			return fmt.Errorf("%s: %w", what, final.error)
		case errors.As(err, &forward):
			failures = 0
		}
		failures++
		if failures >= p.attempts {
			return fmt.Errorf("%s: given up after %d attempts: %w", what, failures, err)
		}
		wait := min(maxWait, p.backoff<<(failures-1))
		wait = wait/2 + rand.N(wait/2+1)
		if errors.As(err, &later) {
			if later.after > maxHint {
				return fmt.Errorf("%s: %w; the server asks to come back in %v", what, err, later.after.Round(time.Second))
			}
			wait = max(wait, later.after)
		}
		p.notify("%s: %v; next attempt in %v", what, err, wait.Round(100*time.Millisecond))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// download completes path.part, and says whether it is made of more than one answer. The caller verifies it.
func (p *Puller) download(ctx context.Context, from, path string, e Entry) (resumed bool, err error) {
	err = p.retry(ctx, from, func() error {
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
		return false, &finalError{err}
	}
	defer part.Close()
	info, err := part.Stat()
	if err != nil {
		return false, &finalError{err}
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
		return false, &finalError{err}
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
		return false, networkError(ctx, err)
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
		return false, statusError(response)
	}
	switch encoding := response.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		if resumed {
			return restart("the server sends a part of a compressed file")
		}
		next.Size, next.Encoded = -1, true
		if body, err = gzip.NewReader(response.Body); err != nil {
			return false, networkError(ctx, fmt.Errorf("compressed with gzip, but broken: %w", err))
		}
	default:
		return false, &finalError{fmt.Errorf("the server compresses the file with %q, although it was asked not to", encoding)}
	}
	if err := room(filepath.Dir(path), have, next.Size); err != nil {
		return resumed, &finalError{err}
	}
	if !resumed {
		if err := part.Truncate(0); err != nil {
			return resumed, &finalError{atomicfile.Cause(err)}
		}
	}
	if err := writeState(path, next); err != nil {
		return resumed, &finalError{atomicfile.Cause(err)}
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
				return resumed, &finalError{fmt.Errorf("%s: %w", path, atomicfile.Cause(err))}
			}
			have += int64(n)
			if p.Progress != nil {
				p.Progress(have, next.Size)
			}
		}
		if have > most {
			removePart(path)
			return resumed, &finalError{fmt.Errorf("the server sends more than %d bytes, the file should have about %d", most, e.Bytes)}
		}
		if err == io.EOF && (next.Size < 0 || have == next.Size) {
			break
		}
		if err == io.EOF {
			err = fmt.Errorf("the connection ended after %d of %d bytes", have, next.Size)
		}
		if err != nil {
			err = networkError(ctx, err)
			if have-start >= enough && !next.Encoded {
				err = &progressed{err}
			}
			return resumed, err
		}
	}
	if err := part.Sync(); err != nil {
		return resumed, &finalError{atomicfile.Cause(err)}
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

// networkError is the reason why a transfer ended.
func networkError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the connection was cut")
	}
	var whole *url.Error
	if errors.As(err, &whole) { // it repeats the URL
		err = whole.Err
	}
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &name) && name.IsNotFound || errors.As(err, &certificate) {
		return &finalError{err}
	}
	return err
}

// statusError judges an answer that is not the file.
func statusError(r *http.Response) error {
	err := errors.New("the server answers " + strings.TrimSpace(r.Status))
	switch r.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return &finalError{fmt.Errorf("%w: there is no such file", err)}
	case http.StatusUnauthorized, http.StatusForbidden:
		return &finalError{fmt.Errorf("%w: it wants to know who asks; for Hugging Face set %s, and accept the model's terms on its page", err, envToken)}
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
	default:
		if r.StatusCode < 500 || r.StatusCode == http.StatusNotImplemented || r.StatusCode == http.StatusHTTPVersionNotSupported {
			return &finalError{err}
		}
	}
	return &laterError{err, retryAfter(r.Header.Get("Retry-After"))}
}

// retryAfter reads seconds or a date.
func retryAfter(text string) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
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
