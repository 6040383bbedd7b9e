package featx

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// Control groups of both versions, seen from outside and from inside of a container.
func TestContainer(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  controlGroup
	}{
		"none":            {map[string]string{}, controlGroup{}},
		"not limited, v2": {map[string]string{"proc/self/cgroup": "0::/user.slice\n", "sys/fs/cgroup/user.slice/memory.max": "max\n"}, controlGroup{}},
		"not limited, v1": {map[string]string{
			"proc/self/cgroup": "4:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9223372036854771712\n", "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "5\n",
		}, controlGroup{}},
		"v2: what can be dropped is free": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "1000\n", "sys/fs/cgroup/a/b/memory.current": "700\n",
			"sys/fs/cgroup/a/b/memory.stat": "anon 100\ninactive_file 300\nactive_file 50\n",
		}, controlGroup{1000, 400}},
		"v2: a group around it is tighter": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "500\n", "sys/fs/cgroup/a/memory.current": "100\n",
		}, controlGroup{500, 100}},
		"v2 from inside": {map[string]string{
			"proc/self/cgroup": "0::/docker/1234\n", "sys/fs/cgroup/memory.max": "800\n", "sys/fs/cgroup/memory.current": "10\n",
		}, controlGroup{800, 10}},
		"v1 from inside": {map[string]string{
			"proc/self/cgroup": "9:pids:/docker/12\n4:cpu,memory:/docker/12\n0::/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "800\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes": "300\n", "sys/fs/cgroup/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 20\n",
		}, controlGroup{800, 280}},
		"nonsense": {map[string]string{"proc/self/cgroup": "0::/../..\nx\n:::\n", "sys/fs/cgroup/memory.max": "-5\n"}, controlGroup{}},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			for path, text := range c.files {
				root[path] = &fstest.MapFile{Data: []byte(text)}
			}
			require.Equal(t, c.want, container(root))
		})
	}
	require.Greater(t, freeMemory(), int64(1<<20))
	require.Greater(t, residentMemory(), int64(1<<20))
}
