//go:build !minimal

package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"

	"github.com/featx-go/featx/internal/atomicfile"
	"github.com/featx-go/featx/internal/brief"
)

//go:embed page.html
var pageText string

// maxPictures is the most that one page shows.
const maxPictures = 10_000

// checkPage refuses a page before anything is computed for it.
func checkPage(path string, pictures int) error {
	if path == "" {
		return nil
	}
	if pictures > maxPictures {
		return fmt.Errorf("--html: a page of %d pictures; at most %d are possible: fewer with -n", pictures, maxPictures)
	}
	_, _, err := atomicfile.Target(path)
	return named(path, err)
}

// shown is what the page's template takes.
type shown struct {
	found
	Title   string
	Queries []shownQuery
}

type shownQuery struct {
	*neighbours
	Picture thumbnail
	List    []shownNeighbour
}

type shownNeighbour struct {
	neighbour
	Picture thumbnail
}

// page writes what was found as a page that needs nothing beside it.
func (s *search) page(ctx context.Context, path string) error {
	t, err := template.New("page").Funcs(template.FuncMap{"plain": brief.Plain}).Parse(pageText)
	if err != nil {
		return err
	}
	var paths []string
	for _, q := range s.found.Queries {
		paths = append(paths, q.Query)
		for _, n := range q.List {
			paths = append(paths, n.Path)
		}
	}
	pictures, err := thumbnails(ctx, paths)
	if err != nil {
		return err
	}
	p := shown{found: s.found, Title: s.found.Queries[0].Query}
	if more := len(s.found.Queries) - 1; more > 0 {
		p.Title += fmt.Sprintf(" and %d more", more)
	}
	for _, q := range s.found.Queries {
		one := shownQuery{neighbours: q, Picture: pictures[q.Query]}
		for _, n := range q.List {
			one.List = append(one.List, shownNeighbour{n, pictures[n.Path]})
		}
		p.Queries = append(p.Queries, one)
	}
	out, err := atomicfile.Create(ctx, path)
	if err != nil {
		return named(path, err)
	}
	defer out.Abort()
	if err := t.Execute(out, p); err != nil {
		if cause := errors.Unwrap(err); cause != nil {
			err = cause
		}
		return named(path, atomicfile.Cause(err))
	}
	return named(path, out.Commit())
}
