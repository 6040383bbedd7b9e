//go:build !minimal

package main

import (
	"archive/zip"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a browser makes of the page: pictures that are in it, with their paths and scores; no other address, whatever the paths are called.
func TestPage(t *testing.T) {
	dir := pictures(t, some...)
	evil := `<script>alert(1)<.jpg`
	require.NoError(t, os.Rename(filepath.Join(dir, "p", "ship.jpg"), filepath.Join(dir, "p", evil)))
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("in/ship.jpg")
	require.NoError(t, err)
	_, err = w.Write(read(t, dir, "p/"+evil))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	write(t, dir, "a.zip", b.Bytes())
	ok(t, dir, "extract", "-o", "f.npy", "p", "a.zip", "p/"+evil)
	require.NoError(t, os.Remove(filepath.Join(dir, "p", "grey8.png")))
	write(t, dir, "p/rgba16.png", []byte("no picture any more"))
	ok(t, dir, "similar", "--in", "f.npy", "--html", "page.html", "p/"+evil)

	page := string(read(t, dir, "page.html"))
	requireOnly(t, dir, "p", "a.zip", "f.npy", "f.npy.paths.txt", "f.npy.provenance.json", "page.html")
	require.NotContains(t, page, "<script")
	require.Empty(t, regexp.MustCompile(`(?:src|href)="[^d]|url\(|https?:`).FindString(page), "everything is in the page")
	require.Equal(t, 5, strings.Count(page, `src="data:image/jpeg;base64,`)) // the query, it once more by its path and from the archive, and two
	require.Contains(t, page, `<div class="missing">not found</div>`)
	require.Contains(t, page, `<div class="missing">`)

	r := command(t, dir, "similar", "--in", "f.npy", "--html", "no/page.html", "p/"+evil)
	require.Equal(t, statusFailed, r.status)
	requireLine(t, r.stderr, "no/page.html: ")
	require.Empty(t, r.stdout)

	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil && browser == "" {
			browser = path
		}
	}
	if browser == "" {
		t.Skip("no chromium to look at the page with")
	}
	profile, err := os.MkdirTemp("", "featx-page") // chromium may still write to it when it has ended
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(profile) })
	c := exec.CommandContext(t.Context(), browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+profile, "--virtual-time-budget=5000", "--dump-dom", "file://"+filepath.Join(dir, "measured.html"))
	c.WaitDelay = time.Second
	// The page is measured by a script that the test adds: what has been decoded and laid out.
	write(t, dir, "measured.html", []byte(strings.Replace(page, "</body>", `<script>addEventListener("load", () => { document.title = "measured " +
	[...document.images].map(i => i.complete && i.naturalWidth > 0 && i.getBoundingClientRect().width > 50 ? "drawn" : "broken").join(" ") +
	" cards " + document.querySelectorAll("li").length + " overflow " + (document.documentElement.scrollWidth > innerWidth) })</script></body>`, 1)))
	dom, err := c.Output()
	require.NoError(t, err)
	require.Contains(t, string(dom), "<title>measured drawn drawn drawn drawn drawn cards 6 overflow false</title>")
	require.Contains(t, string(dom), `<span>p/&lt;script&gt;alert(1)&lt;.jpg</span>`)
	require.Contains(t, string(dom), "<b>1.0000</b><span>a.zip/in/ship.jpg</span>")
}
