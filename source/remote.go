package source

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"
	"strings"

	"github.com/featx-go/featx/internal/web"
)

func isAddress(path string) bool {
	return strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://")
}

// addresses is the picture at an address, or at each one of a range of numbers.
func addresses(ctx context.Context, address string, o Options) (Source, error) {
	if m := counting.FindStringSubmatchIndex(address); m != nil {
		return ranged(address[:m[0]], address[m[2]:m[3]], address[m[4]:m[5]], address[m[1]:], o)
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("is not an address")
	case isTar(u.Path) || ending(u.Path) == ".zip":
		return nil, errors.New("archives are read from files: download it first")
	}
	return one(remote(ctx, address, o)), nil
}

// remote is the picture at an address. It is fetched when its turn comes near, or at the latest when it is opened.
func remote(ctx context.Context, address string, o Options) Item {
	type answer struct {
		data []byte
		err  error
	}
	answers := make(chan answer, 1)
	started := false
	start := func() {
		started = true
		go func() {
			data, err := fetch(ctx, address, o)
			answers <- answer{data, err}
		}()
	}
	return Item{Name: address, start: start, Open: func() (io.ReadCloser, error) {
		if !started {
			start()
		}
		select {
		case a := <-answers:
			if a.err != nil {
				return nil, a.err
			}
			return held{bytes.NewReader(a.data)}, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}}
}

func fetch(ctx context.Context, address string, o Options) (data []byte, err error) {
	q := web.Request{URL: address, Stall: o.stall, Most: o.MaxBytes, Refused: "it does not give this to everybody"}
	err = o.retry.Do(ctx, "", func() error {
		data, _, err = q.Get(ctx, o.client)
		return err
	})
	return data, err
}

// ahead lets remote pictures be fetched before their turn, a few at a time.
type ahead struct {
	Source
	queue []Item
	err   error // that ends the stream, behind the queue
}

// fetches is how many remote pictures are fetched, or wait, at a time.
const fetches = 16

func (a *ahead) Next(ctx context.Context) (Item, error) {
	for len(a.queue) == 0 || a.queue[len(a.queue)-1].start != nil && len(a.queue) < fetches {
		if a.err != nil {
			break
		}
		item, err := a.Source.Next(ctx)
		if err != nil {
			a.err = err
			break
		}
		if item.start != nil {
			item.start()
		}
		a.queue = append(a.queue, item)
	}
	if len(a.queue) == 0 {
		return Item{}, a.err
	}
	item := a.queue[0]
	a.queue = a.queue[1:]
	return item, nil
}

func (a *ahead) Skip(ctx context.Context) (string, error) {
	if len(a.queue) > 0 || a.err != nil {
		item, err := a.Next(ctx)
		return item.Name, err
	}
	return a.Source.Skip(ctx)
}
