package arch

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/featx-go/featx/engine"
)

// docs/networks.md has a row for every network, with what its builder makes.
func TestNetworksDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/networks.md")
	require.NoError(t, err)
	rows := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, " | "); len(cells) == 7 {
			rows[strings.TrimPrefix(cells[0], "| ")] = strings.Join(cells[2:6], " | ")
		}
	}
	for _, name := range Names() {
		g, err := Build(name, Options{})
		require.NoError(t, err)
		require.Equal(t, networkFacts(t, g), rows[name], name)
	}
}

// networkFacts are a row's parameters, multiply-adds, input and feature layer.
func networkFacts(t *testing.T, g *engine.Graph) string {
	t.Helper()
	nodes, err := g.Describe([2]int{})
	require.NoError(t, err)
	parameters, macs, features := int64(0), int64(0), ""
	for _, n := range nodes {
		parameters, macs = parameters+n.Params, macs+n.MACs
		if n.Name == g.Features {
			features = fmt.Sprintf("`%s` %d", n.Name, n.Bytes/4)
		}
	}
	return fmt.Sprintf("%.2f M | %.2f G | %d | %s", float64(parameters)/1e6, float64(macs)/1e9, g.Input.H, features)
}
