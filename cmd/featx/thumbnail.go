//go:build !minimal

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"html/template"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/featx-go/featx/engine/image"
	"github.com/featx-go/featx/source"
)

// thumbnail is a small picture inside a page.
type thumbnail struct {
	Data    template.URL // data:image/jpeg;base64,...
	Small   bool         // the picture itself is that small
	Problem string       // instead of it
}

const thumbnailEdge = 320 // pixels: twice what the page gives it, for fine screens

// thumbnails makes those of pictures, by their paths: files, and members of archives. What cannot be shown has a problem; an error is ctx's.
func thumbnails(ctx context.Context, paths []string) (map[string]thumbnail, error) {
	made := map[string]thumbnail{}
	members := map[string]map[string]bool{} // wanted of each archive
	for _, path := range paths {
		if _, ok := made[path]; ok {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		made[path] = thumbnail{Problem: "not found"}
		if strings.Contains(path, "://") {
			made[path] = thumbnail{Problem: "not downloaded"}
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			if archive := archiveOf(path); archive != "" {
				if members[archive] == nil {
					members[archive] = map[string]bool{}
				}
				members[archive][path] = true
			}
			continue
		}
		if !info.Mode().IsRegular() {
			made[path] = thumbnail{Problem: "no regular file"}
			continue
		}
		made[path] = thumbnailOf(func() (io.ReadCloser, error) { return os.Open(path) })
	}
	for archive, wanted := range members {
		if err := fromArchive(ctx, archive, wanted, made); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// archiveOf is the archive of ARCHIVE/MEMBER, or "".
func archiveOf(path string) string {
	for dir := filepath.Dir(path); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil {
			if info.Mode().IsRegular() {
				return dir
			}
			return ""
		}
	}
	return ""
}

// fromArchive goes through an archive once.
func fromArchive(ctx context.Context, archive string, wanted map[string]bool, made map[string]thumbnail) error {
	items := source.Paths([]string{archive}, source.Options{})
	defer items.Close()
	for len(wanted) > 0 {
		item, err := items.Next(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return nil // the rest is not found
		}
		if !wanted[item.Name] {
			continue
		}
		delete(wanted, item.Name)
		switch {
		case item.Err != nil:
			made[item.Name] = thumbnail{Problem: source.Reason(item.Err).Error()}
		case item.Open == nil:
			made[item.Name] = thumbnail{Problem: "no picture"}
		default:
			made[item.Name] = thumbnailOf(item.Open)
		}
	}
	return nil
}

// thumbnailOf makes a picture upright and small.
func thumbnailOf(open func() (io.ReadCloser, error)) thumbnail {
	data, small, err := shrink(open)
	if err != nil {
		return thumbnail{Problem: source.Reason(err).Error()}
	}
	return thumbnail{Data: template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(data)), Small: small}
}

func shrink(open func() (io.ReadCloser, error)) (data []byte, small bool, err error) {
	r, err := open()
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	m, err := (&image.Decoder{ApplyOrientation: true}).Decode(r)
	if err != nil {
		return nil, false, err
	}
	if longest := max(m.W, m.H); longest > thumbnailEdge {
		w, h := max(1, m.W*thumbnailEdge/longest), max(1, m.H*thumbnailEdge/longest)
		reduce := image.Recipe{
			Size: [2]int{h, w}, Resize: image.Resize{H: h, W: w}, Interpolation: "bicubic", Crop: "none",
			Scale: "1", Std: [3]float32{1, 1, 1}, Channels: "rgb",
		}
		if m, err = reduce.Pixels(m); err != nil {
			return nil, false, err
		}
	} else if longest == 0 {
		return nil, false, errors.New("an empty picture")
	} else {
		small = longest < thumbnailEdge/4
	}
	var b bytes.Buffer
	err = jpeg.Encode(&b, m, &jpeg.Options{Quality: 85})
	return b.Bytes(), small, err
}
