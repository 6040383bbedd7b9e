package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress is a line on the terminal that is written over. A nil progress shows nothing.
type progress struct {
	out         io.Writer
	done, total int
	start, last time.Time
}

// newProgress shows progress to people only, and not where the features themselves go to the terminal.
func newProgress(stderr io.Writer, total int, toFile bool) *progress {
	if !isTerminal(stderr) || !toFile && isTerminal(os.Stdout) {
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
	const width = 24
	filled := width * p.done / p.total
	rate := float64(p.done) / now.Sub(p.start).Seconds()
	left := time.Duration(float64(p.total-p.done) / rate * float64(time.Second)).Round(time.Second)
	fmt.Fprintf(p.out, "\r\x1b[K[%-*s] %d of %d, %.1f a second, %v left", width, "========================"[:filled], p.done, p.total, rate, left)
}

// clear makes room for another line.
func (p *progress) clear() {
	if p != nil {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func (p *progress) end() { p.clear() }
