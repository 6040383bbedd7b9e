//go:build !minimal

package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/featx-go/featx"
	"github.com/featx-go/featx/internal/brief"
	"github.com/featx-go/featx/pipeline"
	"github.com/featx-go/featx/sink"
)

// metrics serves what a run of the pipeline has done, for Prometheus. Its zero value serves nothing.
type metrics struct {
	listener net.Listener
	server   *http.Server
}

// listen takes the address; "" is none. Nobody is answered until serve.
func (m *metrics) listen(address string) (err error) {
	if address == "" {
		return nil
	}
	if _, _, err = net.SplitHostPort(address); err != nil {
		return fmt.Errorf("--metrics %q: want host:port, or :port for all of this machine's addresses", address)
	}
	if m.listener, err = net.Listen("tcp", address); err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return fmt.Errorf("--metrics %q: %w", address, err)
	}
	return nil
}

// serve answers from now on, and gives the URL; "" if there is no address.
func (m *metrics) serve(model *featx.Model, p featx.Plan, s *pipeline.Stats) string {
	if m.listener == nil {
		return ""
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(newRunCollector(model, p, s), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.Handle("GET /{$}", http.RedirectHandler("/metrics", http.StatusFound))
	m.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
	go func() { _ = m.server.Serve(m.listener) }() // until close
	address := m.listener.Addr().String()
	if host, port, _ := net.SplitHostPort(address); net.ParseIP(host).IsUnspecified() {
		address = "localhost:" + port
	}
	return "http://" + address + "/metrics"
}

func (m *metrics) close() {
	if m.server != nil {
		m.server.Close()
	} else if m.listener != nil {
		m.listener.Close()
	}
}

// runCollector reads a run's counters when it is asked.
type runCollector struct {
	stats *pipeline.Stats
	fixed []prometheus.Metric // what does not change during the run
}

const namespace = "featx_"

func description(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+name, help, labels, nil)
}

var (
	picturesTotal = description("pictures_total", "Inputs done in this run, those that failed included.")
	failedTotal   = description("pictures_failed_total", "Inputs that failed in this run, by the stage at which they did.", "stage")
	rowsTotal     = description("rows_total", "Rows given to the output in this run.")
	bytesTotal    = description("read_bytes_total", "Bytes read of pictures in this run.")
	secondsTotal  = description("stage_seconds_total", "Time spent: decoding (all workers; reading and preparing too), network (on all its threads at once), writing, waiting (the network's, for pictures).", "stage")
	expected      = description("pictures_expected", "Inputs that there are in all, once they are counted.")
	resumed       = description("pictures_resumed", "Inputs that were done before this run.")
	queued        = description("queue_pictures", "Pictures in a queue: waiting for a decoder, decoding, ready (prepared, of which a batch is in the network).", "queue")
	capacity      = description("queue_capacity_pictures", "Pictures that a queue holds at most.", "queue")
	planned       = description("planned_memory_bytes", "Memory that the plan expects the process to take.")
	limit         = description("memory_limit_bytes", "Memory that the process may take; only if it is limited.")
	buildInfo     = description("build_info", "The program.", "version", "goversion", "goarch")
	modelInfo     = description("model_info", "The model.", "arch", "sha256")
)

func newRunCollector(model *featx.Model, p featx.Plan, s *pipeline.Stats) *runCollector {
	c := &runCollector{stats: s}
	fixed := func(d *prometheus.Desc, v float64, labels ...string) {
		c.fixed = append(c.fixed, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...))
	}
	fixed(buildInfo, 1, version(), runtime.Version(), runtime.GOARCH)
	fixed(modelInfo, 1, strings.ToValidUTF8(brief.Plain(model.Graph().Arch), "?"), model.SHA256())
	fixed(planned, float64(p.Memory.Total()))
	if p.Limit > 0 {
		fixed(limit, float64(p.Limit))
	}
	for _, q := range limitsOf(p).Queues(p.Pictures, p.InputLen) {
		fixed(capacity, float64(q.Pictures), q.Name)
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *runCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{picturesTotal, failedTotal, rowsTotal, bytesTotal, secondsTotal, expected, resumed, queued, capacity, planned, limit, buildInfo, modelInfo} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *runCollector) Collect(out chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	s := c.stats
	before := s.Before.Load()
	send(picturesTotal, prometheus.CounterValue, float64(max(0, s.Done.Load()-before)))
	for _, stage := range sink.Stages {
		send(failedTotal, prometheus.CounterValue, float64(s.FailedAt(stage).Load()), string(stage))
	}
	send(rowsTotal, prometheus.CounterValue, float64(s.Rows.Load()))
	send(bytesTotal, prometheus.CounterValue, float64(s.Bytes.Load()))
	for name, clock := range map[string]*pipeline.Clock{"decoding": &s.Prepared, "network": &s.Network, "writing": &s.Written, "waiting": &s.Waited} {
		send(secondsTotal, prometheus.CounterValue, clock.Total().Seconds(), name)
	}
	if total := s.Total.Load(); total > 0 {
		send(expected, prometheus.GaugeValue, float64(total))
	}
	send(resumed, prometheus.GaugeValue, float64(before))
	send(queued, prometheus.GaugeValue, float64(s.Waiting.Load()), pipeline.WaitingQueue)
	send(queued, prometheus.GaugeValue, float64(s.Decoding.Load()), pipeline.DecodingQueue)
	send(queued, prometheus.GaugeValue, float64(s.Ready.Load()), pipeline.ReadyQueue)
	for _, m := range c.fixed {
		out <- m
	}
}
