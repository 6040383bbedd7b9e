package featx

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// freeMemory is what programs can still get without swapping, in bytes, here and in this container; 0 if it is not known.
func freeMemory() int64 {
	free := field("/proc/meminfo", "MemAvailable:")
	if c := container(os.DirFS("/")); c.limit > 0 && (free == 0 || c.limit-c.used < free) {
		free = max(1, c.limit-c.used)
	}
	return free
}

// residentMemory is what the process has, in bytes.
func residentMemory() int64 { return field("/proc/self/status", "VmRSS:") }

// containerLimit is the most memory that the process's control group may have; 0 is no limit.
func containerLimit() int64 { return container(os.DirFS("/")).limit }

// field is a line's number of kB, in bytes.
func field(file, name string) int64 {
	f, err := os.Open(file)
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kB int64
		if n, _ := fmt.Sscanf(lines.Text(), name+" %d kB", &kB); n == 1 {
			return kB << 10
		}
	}
	return 0
}

// controlGroup is the tightest of the control groups that the process is in.
type controlGroup struct{ limit, used int64 } // used: without what the kernel can drop at once

// container reads the limits of the process's memory control group and those around it (version 1 or 2). Inside of a container /proc tells the path that the group has outside, while
// its files lie where the root's are; so what is missing on the way is passed over.
func container(root fs.FS) controlGroup {
	var tightest controlGroup
	list, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range strings.Lines(string(list)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		mount, limit, usage, inactive := "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"
		switch {
		case parts[0] == "0" && parts[1] == "":
		case strings.Contains(","+parts[1]+",", ",memory,"):
			mount, limit, usage, inactive = "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
		default:
			continue
		}
		for group := path.Join(mount, path.Clean("/"+parts[2])); strings.HasPrefix(group, mount); group = path.Dir(group) {
			c := controlGroup{number(root, path.Join(group, limit)), number(root, path.Join(group, usage))}
			if c.limit <= 0 || c.limit >= 1<<60 {
				continue // version 1 says "no limit" with a huge number, version 2 with "max"
			}
			stat, _ := fs.ReadFile(root, path.Join(group, "memory.stat"))
			for line := range strings.Lines(string(stat)) {
				if value, ok := strings.CutPrefix(line, inactive+" "); ok {
					n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
					c.used = max(0, c.used-n)
				}
			}
			if tightest.limit == 0 || c.limit-c.used < tightest.limit-tightest.used {
				tightest = c
			}
		}
	}
	return tightest
}

// number is a file's only number; 0 if there is none.
func number(root fs.FS, name string) int64 {
	f, err := root.Open(name)
	if err != nil {
		return 0
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, 64))
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}
