package keras

import (
	"reflect"
	"strings"
	"testing"

	"github.com/featx-go/featx/weights"
)

// Files of weights alone get the recipe that the registry has for the same network.
func TestRecipesOfNetworks(t *testing.T) {
	checked := 0
	for _, e := range weights.Registry() {
		network, ok := strings.CutPrefix(e.Network, "keras/")
		if !ok {
			continue
		}
		checked++
		if got := recipeFor(network); !reflect.DeepEqual(got, e.Recipe) {
			t.Errorf("%s (%s): %v, the registry has %v", e.Name, e.Network, got, e.Recipe)
		}
	}
	if checked < 60 {
		t.Errorf("%d networks of Keras in the registry", checked)
	}
}
