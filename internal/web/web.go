package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// NewClient has time limits for connecting, the environment's proxy, and neither transparent compression nor redirections from https to http.
func NewClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone() // with the proxy of the environment
	t.DialContext = (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = 15 * time.Second
	t.DisableCompression = true // ranges are of the file, not of its compressed form
	return &http.Client{Transport: t, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) >= 10 {
			return Final(errors.New("redirected more than 10 times"))
		}
		if via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https" {
			return Final(fmt.Errorf("redirected from https to %s", r.URL.Redacted()))
		}
		return nil
	}}
}

type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// Final marks an error that another attempt would meet again.
func Final(err error) error { return &finalError{err} }

// laterError is an answer that says when to try again.
type laterError struct {
	error
	after time.Duration
}

type progressed struct{ error }

func (e *progressed) Unwrap() error { return e.error }

// Progressed marks the error of an attempt that failed, but brought the work forward.
func Progressed(err error) error { return &progressed{err} }

const (
	maxWait = 30 * time.Second // between attempts, by our own count
	maxHint = 5 * time.Minute  // that a server may ask for
)

// Retry says how often something is tried.
type Retry struct {
	Attempts int           // in a row that bring nothing
	Backoff  time.Duration // before the second attempt
	Notify   func(format string, args ...any)
}

// Do calls attempt until it succeeds, fails for good, or fails too often in a row without progress. Waits grow exponentially, with jitter; a server's Retry-After
// counts. Errors begin with what, unless that is empty.
func (r Retry) Do(ctx context.Context, what string, attempt func() error) error {
	if what != "" {
		what += ": "
	}
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
			return fmt.Errorf("%s%w", what, final.error)
		case errors.As(err, &forward):
			failures = 0
		}
		failures++
		if failures >= r.Attempts {
			return fmt.Errorf("%sgiven up after %d attempts: %w", what, failures, err)
		}
		wait := min(maxWait, r.Backoff<<(failures-1))
		wait = wait/2 + rand.N(wait/2+1)
		if errors.As(err, &later) {
			if later.after > maxHint {
				return fmt.Errorf("%s%w; the server asks to come back in %v", what, err, later.after.Round(time.Second))
			}
			wait = max(wait, later.after)
		}
		if r.Notify != nil {
			r.Notify("%s%v; next attempt in %v", what, err, wait.Round(100*time.Millisecond))
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// NetworkError is the reason why a transfer ended.
func NetworkError(ctx context.Context, err error) error {
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
		return Final(err)
	}
	return err
}

// StatusError judges an answer that is not what was asked for; refused is what to do about 401 and 403.
func StatusError(r *http.Response, refused string) error {
	err := errors.New("the server answers " + strings.TrimSpace(r.Status))
	switch r.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return Final(fmt.Errorf("%w: there is no such file", err))
	case http.StatusUnauthorized, http.StatusForbidden:
		return Final(fmt.Errorf("%w: %s", err, refused))
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
	default:
		if r.StatusCode < 500 || r.StatusCode == http.StatusNotImplemented || r.StatusCode == http.StatusHTTPVersionNotSupported {
			return Final(err)
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

// Request is one for a whole, small answer.
type Request struct {
	URL     string
	Prepare func(*http.Request) // sets headers; may be nil
	Stall   time.Duration       // without a byte
	Most    int64               // bytes of the answer
	Refused string              // what to do about 401 and 403
}

// Get makes one attempt.
func (q Request) Get(ctx context.Context, client *http.Client) ([]byte, http.Header, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(q.Stall, func() { cancel(fmt.Errorf("no data for %v", q.Stall)) })
	defer stalled.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, q.URL, nil)
	if err != nil {
		return nil, nil, Final(err)
	}
	request.Header.Set("User-Agent", "featx")
	if q.Prepare != nil {
		q.Prepare(request)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, nil, NetworkError(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, nil, StatusError(response, q.Refused)
	}
	if response.ContentLength > q.Most {
		return nil, nil, Final(fmt.Errorf("%d bytes, at most %d are read", response.ContentLength, q.Most))
	}
	data, err := io.ReadAll(io.LimitReader(&alive{response.Body, stalled, q.Stall}, q.Most+1))
	if err != nil {
		return nil, nil, NetworkError(ctx, err)
	}
	if int64(len(data)) > q.Most {
		return nil, nil, Final(fmt.Errorf("more than %d bytes", q.Most))
	}
	return data, response.Header, nil
}

// alive puts the end of patience off with every piece that comes.
type alive struct {
	r     io.Reader
	timer *time.Timer
	stall time.Duration
}

func (a *alive) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	a.timer.Reset(a.stall)
	return n, err
}
