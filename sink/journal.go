package sink

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/featx-go/featx/internal/atomicfile"
)

// journal is what of a job is done and on disk.
type journal struct {
	Items  int64            `json:"items"`  // inputs that are done
	Chain  string           `json:"chain"`  // hash of their names, in hex
	Failed int64            `json:"failed"` // of these
	Rows   int64            `json:"rows"`   // of all files
	File   int              `json:"file"`   // which file is under way
	InFile int64            `json:"infile"` // rows of that
	Names  int64            `json:"names"`  // bytes that its paths take in its format, where that is limited
	Sizes  map[string]int64 `json:"sizes"`  // bytes of the spools, by name
	State  state            `json:"state"`
}

// state is how far the end of a job has come.
type state string

const (
	running  state = "running"
	complete state = "complete" // there are no more inputs
	placed   state = "placed"   // all files have their names
)

const (
	journalFile = "journal"
	jobFile     = "job.json"
	lockFile    = "lock"
)

// replace writes a file of a folder as a whole, and to the disk.
func replace(dir, name string, content any) error {
	text, err := json.MarshalIndent(content, "", " ")
	if err != nil {
		return err
	}
	tmp := filepath.Join(dir, name+".new")
	f, err := os.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	step()
	if err == nil {
		err = os.Rename(tmp, filepath.Join(dir, name))
	}
	if err != nil {
		os.Remove(tmp)
		return err
	}
	atomicfile.SyncFolder(dir)
	step()
	return nil
}

// load reads what replace wrote; false if it is not there.
func load(dir, name string, content any) (bool, error) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		if err = json.Unmarshal(text, content); err != nil {
			err = fmt.Errorf("%s is damaged: %w", name, err)
		}
	}
	return true, err
}

// fingerprint is what a job must have in common with the one that it goes on with.
type fingerprint struct {
	Provenance
	Format      string `json:"format"` // the ending
	RowsPerFile int64  `json:"rows-per-file"`
}

// compare says what is not as it was when a job was begun. A model file may have got another name.
func compare(then, now fingerprint) error {
	then.Model.Name, now.Model.Name = "", ""
	if d := Differences(then, now); len(d) > 0 {
		return fmt.Errorf("it was begun with %s %.200s, and now it is %.200s: give the same again", d[0].Name, orNone(d[0].A), orNone(d[0].B))
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// link is the hash of a chain of names with one more at its end.
func link(chain [sha256.Size]byte, name string) [sha256.Size]byte {
	b := append(make([]byte, 0, 512), chain[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(name)))
	return sha256.Sum256(append(b, name...))
}

func unhex(text string) (sum [sha256.Size]byte, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || copy(sum[:], b) != len(sum) {
		return sum, errors.New("damaged: no hash in it")
	}
	return sum, nil
}
