//go:build !minimal

package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	prom "github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/pipeline"
)

// scraped gives the values that a server has, by metric and label's value.
func scraped(t *testing.T, url string) map[string]float64 {
	t.Helper()
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Contains(t, answer.Header.Get("Content-Type"), "text/plain")
	parser := expfmt.NewTextParser(prom.LegacyValidation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	require.NoError(t, err)
	values := map[string]float64{}
	for name, f := range families {
		for _, m := range f.Metric {
			key := name
			if len(m.Label) == 1 {
				key += "/" + m.Label[0].GetValue()
			}
			switch f.GetType() {
			case dto.MetricType_COUNTER:
				values[key] = m.Counter.GetValue()
			case dto.MetricType_GAUGE:
				values[key] = m.Gauge.GetValue()
			}
		}
	}
	return values
}

// A run that waits for its last picture tells what it has done so far, what it waits for, and what it may hold.
func TestMetrics(t *testing.T) {
	dir := pictures(t, some...)
	write(t, dir+"/p", "broken.png", []byte("no picture"))
	size := len("no picture")
	for _, name := range some {
		size += len(read(t, dir, "p/"+name))
	}
	var stderr bytes.Buffer
	lines, said := io.Pipe()
	c := exec.Command(program, "extract", "--metrics", "localhost:0", "--batch", "1", "--threads", "2", "--on-error", "nan", "--max-memory", "500MB", "-o", "f.npy", "p", "missing.jpg", "-")
	c.Dir, c.Stderr = dir, said
	stdin, err := c.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	defer c.Process.Kill()
	urls := make(chan string)
	go func() {
		first := make([]byte, 200)
		n, _ := lines.Read(first)
		urls <- string(first[:n])
		_, _ = io.Copy(&stderr, lines)
	}()
	url := regexp.MustCompile(`^featx: metrics at (http://127\.0\.0\.1:\d+/metrics)\n$`).FindStringSubmatch(<-urls)
	require.NotNil(t, url)

	const inputs = 8
	var got map[string]float64
	require.Eventually(t, func() bool {
		got = scraped(t, url[1])
		return got["featx_pictures_total"] == inputs-1 && got["featx_pictures_expected"] > 0
	}, 20*time.Second, 10*time.Millisecond)
	for name, want := range map[string]float64{
		"featx_pictures_expected": inputs, "featx_pictures_resumed": 0, "featx_rows_total": inputs - 1, "featx_read_bytes_total": float64(size),
		"featx_pictures_failed_total/open": 1, "featx_pictures_failed_total/decode": 1, "featx_pictures_failed_total/read": 0, "featx_pictures_failed_total/prepare": 0,
		"featx_queue_pictures/waiting": 0, "featx_queue_pictures/decoding": 1, "featx_queue_pictures/ready": 0,
		"featx_queue_capacity_pictures/waiting": 2, "featx_queue_capacity_pictures/decoding": 2, "featx_queue_capacity_pictures/ready": 3,
		"featx_memory_limit_bytes": 500e6, "featx_build_info": 0, "featx_model_info": 0,
	} {
		if want == 0 && strings.HasSuffix(name, "_info") {
			continue // they have several labels
		}
		value, ok := got[name]
		require.True(t, ok, name)
		require.Equal(t, want, value, name)
	}
	for _, name := range []string{"stage_seconds_total/decoding", "stage_seconds_total/network", "stage_seconds_total/writing", "stage_seconds_total/waiting", "planned_memory_bytes"} {
		require.Positive(t, got["featx_"+name], name)
	}
	require.Positive(t, got["go_goroutines"])
	answer, err := http.Get(strings.TrimSuffix(url[1], "metrics"))
	require.NoError(t, err)
	require.Equal(t, "/metrics", answer.Request.URL.Path)
	answer.Body.Close()

	_, err = stdin.Write(read(t, dir, "p/"+some[0]))
	require.NoError(t, err)
	stdin.Close()
	require.ErrorContains(t, c.Wait(), "exit status 2")
	said.Close()
	_, err = http.Get(url[1])
	require.ErrorContains(t, err, "refused")
	require.Equal(t, []string{"f.npy", "f.npy.errors.jsonl", "f.npy.paths.txt", "f.npy.provenance.json", "p"}, names(t, dir))
}

func TestMetricsConventions(t *testing.T) {
	m, err := featx.Open("")
	require.NoError(t, err)
	defer m.Close()
	p, err := m.Plan(featx.Options{MaxMemory: 1 << 30})
	require.NoError(t, err)
	registry := prometheus.NewPedanticRegistry()
	stats := new(pipeline.Stats)
	stats.Total.Store(7)
	registry.MustRegister(newRunCollector(m, *p, stats))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	n, err := testutil.GatherAndCount(registry)
	require.NoError(t, err)
	require.Equal(t, 23, n)
}

// What is wrong with the address is said before anything is opened.
func TestMetricsAddress(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer taken.Close()
	for address, reason := range map[string]string{
		"9090": `--metrics "9090": want host:port`, "localhost:nope": `--metrics "localhost:nope": `, "localhost:99999": "invalid port",
		taken.Addr().String(): "address already in use",
	} {
		r := command(t, dir, "extract", "--metrics", address, "-m", "missing.safetensors", "missing.jpg")
		require.Equal(t, statusFailed, r.status)
		requireLine(t, r.stderr, reason)
	}
}
