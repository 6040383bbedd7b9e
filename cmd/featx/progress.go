package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/featx-go/featx/pipeline"
)

// progress is a line on the terminal that is written over. A nil progress shows nothing.
type progress struct {
	out         io.Writer
	done, total int
	start, last time.Time
}

// newProgress shows progress to people only.
func newProgress(stderr io.Writer, total int) *progress {
	if !isTerminal(stderr) {
		return nil
	}
	return &progress{out: stderr, total: total, start: time.Now()}
}

func (p *progress) add(n int) {
	if p == nil {
		return
	}
	p.done += n
	now := time.Now()
	if now.Sub(p.last) < 100*time.Millisecond && p.done < p.total {
		return
	}
	p.last = now
	fmt.Fprint(p.out, overwrite, fit(columns(p.out), bar(int64(p.done), int64(p.total)), rate(int64(p.done), 0, int64(p.total), now.Sub(p.start))))
}

// clear makes room for another line.
func (p *progress) clear() {
	if p != nil {
		fmt.Fprint(p.out, overwrite)
	}
}

func (p *progress) end() { p.clear() }

// overwrite goes to the beginning of the terminal's line and clears it.
const overwrite = "\r\x1b[K"

// isTerminal tells whether people watch the stream, where lines can be written over.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// columns is how wide the stream's terminal is now; 0 if it does not say.
func columns(stream any) int {
	f, ok := stream.(*os.File)
	if !ok {
		return 0
	}
	width, _, _ := term.GetSize(int(f.Fd()))
	return width
}

// fit makes a line that does not wrap, since only one that does not can be written over: without the bar if need be, then without the last parts of the text.
func fit(columns int, bar, text string) string {
	switch {
	case columns <= 0 || len(bar)+len(text) < columns:
		return bar + text
	case len(text) < columns:
		return text
	}
	text = text[:columns-1]
	if i := strings.LastIndex(text, ", "); i > 0 {
		text = text[:i]
	}
	return text
}

func bar(done, total int64) string {
	const width = 24
	if total < max(done, 1) {
		return ""
	}
	return fmt.Sprintf("[%-*s] ", width, strings.Repeat("=", int(width*done/total)))
}

// rate says how many are done, of how many if that is known, and how quickly: those from before on in the time.
func rate(done, before, total int64, took time.Duration) string {
	speed := float64(done-before) / took.Seconds()
	if total < max(done, 1) {
		return fmt.Sprintf("%d, %.1f a second", done, speed)
	}
	text := fmt.Sprintf("%d of %d, %.1f a second", done, total, speed)
	if speed > 0 {
		text += fmt.Sprintf(", %v left", time.Duration(float64(total-done)/speed*float64(time.Second)).Round(time.Second))
	}
	return text
}

// watch shows what a run of the pipeline has done: a bar on a terminal, and otherwise a line now and then.
type watch struct {
	out      io.Writer
	stats    *pipeline.Stats
	terminal bool
	shows    bool
	start    time.Time
	stop     chan struct{}
	mu       sync.Mutex // of out
	ended    sync.WaitGroup
}

// logEvery is the time between two lines where nobody watches.
const logEvery = 10 * time.Second

// newWatch begins to show. It shows nothing if the features themselves go to the terminal, and without a terminal only where they go to a file.
func newWatch(out io.Writer, stats *pipeline.Stats, toFile bool) *watch {
	w := &watch{out: out, stats: stats, terminal: isTerminal(out), start: time.Now(), stop: make(chan struct{})}
	if w.shows = toFile || w.terminal && !isTerminal(os.Stdout); w.shows {
		w.ended.Go(w.run)
	}
	return w
}

func (w *watch) run() {
	every := logEvery
	if w.terminal {
		every = 200 * time.Millisecond
	}
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-ticks.C:
			w.mu.Lock()
			if w.terminal {
				fmt.Fprint(w.out, overwrite, fit(columns(w.out), bar(w.stats.Done.Load(), w.stats.Total.Load()), w.text()))
			} else {
				fmt.Fprintf(w.out, "featx: %s\n", w.text())
			}
			w.mu.Unlock()
		}
	}
}

// text is the state in words.
func (w *watch) text() string {
	text := rate(w.stats.Done.Load(), w.stats.Before.Load(), w.stats.Total.Load(), time.Since(w.start))
	if n := w.stats.Failed.Load(); n > 0 {
		text += fmt.Sprintf(", %d failed", n)
	}
	return text
}

// say writes a line of its own.
func (w *watch) say(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.terminal {
		fmt.Fprint(w.out, overwrite)
	}
	report(w.out, err)
}

// end stops showing. It may be called again.
func (w *watch) end() {
	select {
	case <-w.stop:
	default:
		close(w.stop)
		w.ended.Wait()
		if w.terminal {
			fmt.Fprint(w.out, overwrite)
		}
	}
}
