package sink

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/featx-go/featx/internal/atomicfile"
	"github.com/featx-go/featx/internal/filelock"
)

// JobOptions say how a job works.
type JobOptions struct {
	Provenance  Provenance    // what the rows depend on beside the inputs; its layers are the output's
	RowsPerFile int64         // files OUTPUT-00000, OUTPUT-00001, ... of so many rows; 0 is one file OUTPUT
	Restart     bool          // forget what an interrupted run has left
	Every       time.Duration // how often what is done is recorded; 0 is 5 seconds
}

// Job is an output under way. It is for one goroutine.
type Job struct {
	path    string // of the output, behind a link
	dir     string
	layers  []Layer
	format  *format
	options JobOptions
	lock    *os.File
	known   bool // what is on disk

	done    journal // on disk
	now     journal // with what has come since; Chain and Sizes are those below
	chain   [sha256.Size]byte
	last    time.Time // of done
	broken  bool      // a write has failed: what is on disk is no longer known
	spools  map[string]*spool
	scratch []byte
}

const (
	namesSpool  = "names"
	errorsSpool = "errors"
	rowsSpool   = "rows"
)

// OpenJob begins an output, or goes on with one that was interrupted. The ending of path gives the format. Nobody else may work on it until Close. Errors name the
// output.
func OpenJob(path string, layers []Layer, o JobOptions) (*Job, error) {
	f, err := formatOf(path, layers)
	if err != nil {
		return nil, err
	}
	target, _, err := atomicfile.Target(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if o.Every == 0 {
		o.Every = 5 * time.Second
	}
	o.Provenance.Layers = layers
	j := &Job{path: target, dir: target + ".partial", layers: layers, format: f, options: o, spools: map[string]*spool{}}
	if err := j.open(); err != nil {
		j.abandon()
		return nil, j.named(err)
	}
	return j, nil
}

// named puts the output's name before an error.
func (j *Job) named(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%s: %w; when there is room, the same command goes on", j.path, atomicfile.Cause(err))
	}
	return fmt.Errorf("%s: %w", j.path, plain(err))
}

// plain is an error of a system call with the name of its file alone.
func plain(err error) error {
	if p, ok := err.(*fs.PathError); ok {
		return fmt.Errorf("%s: %w", filepath.Base(p.Path), p.Err)
	}
	return err
}

func (j *Job) open() error {
	if err := j.takeLock(); err != nil {
		return err
	}
	if j.options.Restart {
		if err := j.forget(); err != nil {
			return err
		}
	}
	begun, err := load(j.dir, journalFile, &j.done)
	if err != nil {
		return hint(err)
	}
	j.known = true
	if !begun {
		return j.begin()
	}
	var print fingerprint
	there, err := load(j.dir, jobFile, &print)
	if err != nil {
		return hint(err)
	}
	switch err := compare(print, j.fingerprint()); {
	case err == nil || j.done.State == placed && !there: // the last run had no time to remove the rest
	case j.done.State == placed:
		if err := j.empty(); err != nil {
			return err
		}
		return j.begin()
	default:
		return hint(err)
	}
	if j.chain, err = unhex(j.done.Chain); err != nil {
		return hint(err)
	}
	j.restore()
	if j.now.State == placed {
		return nil
	}
	if j.full() || j.now.State == complete {
		return nil // its files may have their names already: see Finish and Add
	}
	return hint(j.openSpools(append(j.rowSpools(), errorsSpool)))
}

func (j *Job) fingerprint() fingerprint {
	return fingerprint{j.options.Provenance, j.format.ending, j.options.RowsPerFile}
}

// hint is for what an interrupted run has left and this one cannot use.
func hint(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("what an interrupted run has left of it cannot be used: %w; or begin anew with --restart", plain(err))
}

// takeLock makes the folder and takes it for this process.
func (j *Job) takeLock() error {
	for {
		err := os.Mkdir(j.dir, 0o777)
		made := err == nil
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		f, err := os.OpenFile(filepath.Join(j.dir, lockFile), os.O_RDWR|os.O_CREATE, 0o666)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the other process has just finished
		}
		if err != nil {
			if made {
				os.Remove(j.dir)
			}
			return err
		}
		ok, err := filelock.TryLock(f)
		if err == nil && !ok {
			err = errors.New("another process is writing it")
		}
		if err != nil {
			f.Close()
			return err
		}
		// Is it still the folder's, or of one that the other process has removed?
		mine, err1 := f.Stat()
		there, err2 := os.Stat(f.Name())
		if err1 == nil && err2 == nil && os.SameFile(mine, there) {
			j.lock = f
			return nil
		}
		f.Close()
	}
}

// begin makes an empty job.
func (j *Job) begin() error {
	if j.options.RowsPerFile > 0 {
		if old, err := j.files(); err != nil || len(old) > 0 {
			if err == nil {
				err = fmt.Errorf("%s is there already: remove it and those that belong to it, give another name, or begin anew with --restart", old[0])
			}
			return err
		}
	}
	if err := replace(j.dir, jobFile, j.fingerprint()); err != nil {
		return err
	}
	j.done = journal{State: running, Sizes: map[string]int64{}}
	if err := j.openSpools(append(j.rowSpools(), errorsSpool)); err != nil {
		return err
	}
	j.restore()
	atomicfile.SyncFolder(filepath.Dir(j.dir))
	return j.record()
}

// forget removes what is left of earlier runs, but the lock.
func (j *Job) forget() error {
	if err := j.empty(); err != nil {
		return err
	}
	if j.options.RowsPerFile == 0 {
		return nil
	}
	old, err := j.files()
	for _, path := range old {
		if err == nil {
			err = os.Remove(path)
		}
		for _, beside := range j.format.beside {
			os.Remove(path + beside.ending)
		}
	}
	return err
}

// files lists the output's files of so many rows.
func (j *Job) files() (list []string, err error) {
	ending := filepath.Ext(j.path)
	form := regexp.MustCompile("^" + regexp.QuoteMeta(strings.TrimSuffix(filepath.Base(j.path), ending)) + `-[0-9]{5,}` + regexp.QuoteMeta(ending) + "$")
	entries, err := os.ReadDir(filepath.Dir(j.path))
	for _, e := range entries {
		if form.MatchString(e.Name()) {
			list = append(list, filepath.Join(filepath.Dir(j.path), e.Name()))
		}
	}
	return list, err
}

// restore makes what is recorded the present.
func (j *Job) restore() {
	j.now = j.done
	j.now.Sizes = maps.Clone(j.done.Sizes)
	j.last = time.Now()
}

// rowSpools lists the spools that hold the rows of the file under way; beside them there is the ledger's.
func (j *Job) rowSpools() []string {
	list := []string{namesSpool}
	if j.format.row != nil {
		return append(list, rowsSpool)
	}
	for i := range j.layers {
		list = append(list, strconv.Itoa(i))
	}
	return list
}

// openSpools opens those that are not open, as the journal says.
func (j *Job) openSpools(names []string) error {
	for _, name := range names {
		if j.spools[name] != nil {
			continue
		}
		s, err := openSpool(filepath.Join(j.dir, name), j.done.Sizes[name])
		if err != nil {
			return err
		}
		j.spools[name] = s
		if name == rowsSpool && s.size == 0 && j.format.header != nil {
			if _, err := s.Write(j.format.header(j.layers, 0)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Items, Failed and Rows count what is done: inputs, those of them that failed, rows.
func (j *Job) Items() int64  { return j.now.Items }
func (j *Job) Failed() int64 { return j.now.Failed }
func (j *Job) Rows() int64   { return j.now.Rows }

// Complete tells that there are no more inputs: only Finish is left to do.
func (j *Job) Complete() bool { return j.now.State != running }

// Pass takes the names of the inputs that are done, one by one, to see whether they are those of the interrupted run.
func (j *Job) Pass(next func() (string, error)) error {
	var chain [sha256.Size]byte
	for range j.now.Items {
		name, err := next()
		if errors.Is(err, context.Canceled) {
			return err
		}
		if err != nil {
			return j.named(hint(fmt.Errorf("it was begun with at least %d inputs, and now there are fewer (%w): give the same again", j.now.Items, err)))
		}
		chain = link(chain, name)
	}
	if chain != j.chain {
		return j.named(hint(fmt.Errorf("its first %d inputs are not those that it was begun with: give the same again", j.now.Items)))
	}
	return nil
}

// Add takes what became of the next input. Now and then it records what is done; files that have all of their rows get their names.
func (j *Job) Add(o Outcome) error {
	if err := j.add(o); err != nil {
		j.broken = true
		return j.named(err)
	}
	return nil
}

func (j *Job) add(o Outcome) error {
	if err := j.advance(); err != nil {
		return err
	}
	if o.Failure != nil {
		j.now.Failed++
		b := append(j.scratch[:0], `{"path":`...)
		b = append(appendString(b, o.Path), `,"stage":`...)
		b = append(appendString(b, string(o.Failure.Stage)), `,"reason":`...)
		j.scratch = append(appendString(b, o.Failure.Err.Error()), "}\n"...)
		if _, err := j.spools[errorsSpool].Write(j.scratch); err != nil {
			return err
		}
	}
	if o.Features != nil {
		if err := j.addRow(o); err != nil {
			return err
		}
	}
	j.now.Items++
	j.chain = link(j.chain, o.Path)
	if j.full() || time.Since(j.last) >= j.options.Every {
		if err := j.record(); err != nil {
			return err
		}
	}
	return j.advance()
}

func (j *Job) addRow(o Outcome) error {
	if f := j.format; f.nameBytes != nil {
		if j.now.Names += f.nameBytes(o.Path); j.now.Names > f.maxNames {
			return fmt.Errorf("the paths of %d pictures do not fit into the header of a %s file (%d MB): write a .npz instead, or give fewer --rows-per-file",
				j.now.InFile+1, f.ending, f.maxNames/1_000_000)
		}
	}
	j.scratch = appendRow(j.scratch[:0], Row{j.now.Items, o.Path})
	if _, err := j.spools[namesSpool].Write(j.scratch); err != nil {
		return err
	}
	if j.format.row != nil {
		j.scratch = j.format.row(j.scratch[:0], j.layers, o.Path, o.Features)
		if _, err := j.spools[rowsSpool].Write(j.scratch); err != nil {
			return err
		}
	} else {
		for i, values := range o.Features {
			j.scratch = j.layers[i].DType.append(j.scratch[:0], values)
			if _, err := j.spools[strconv.Itoa(i)].Write(j.scratch); err != nil {
				return err
			}
		}
	}
	j.now.Rows++
	j.now.InFile++
	return nil
}

// full tells that the file under way has all of its rows.
func (j *Job) full() bool { return j.options.RowsPerFile > 0 && j.now.InFile == j.options.RowsPerFile }

// advance gives a full file its name and begins the next.
func (j *Job) advance() error {
	if !j.full() {
		return nil
	}
	if err := j.place(context.Background()); err != nil {
		return err
	}
	j.now.File++
	j.now.InFile, j.now.Names = 0, 0
	// First it is recorded that the rows are no longer there, then they go.
	for _, name := range j.rowSpools() {
		j.now.Sizes[name] = 0
	}
	if err := j.write(); err != nil {
		return err
	}
	for name, s := range j.spools {
		if name == errorsSpool {
			continue
		}
		if err := s.truncate(0); err != nil {
			return err
		}
		step()
	}
	return j.openSpools(append(j.rowSpools(), errorsSpool))
}

// step is called where what is on disk has changed, so that a test can see what a process that ends there would leave.
var step = func() {}

// record brings all that has come to the disk, and then says so in the journal.
func (j *Job) record() error {
	for name, s := range j.spools {
		if err := s.sync(); err != nil {
			return err
		}
		j.now.Sizes[name] = s.size
	}
	return j.write()
}

// write writes the journal.
func (j *Job) write() error {
	j.now.Chain = hex.EncodeToString(j.chain[:])
	if err := replace(j.dir, journalFile, j.now); err != nil {
		return err
	}
	j.done = j.now
	j.done.Sizes = maps.Clone(j.now.Sizes)
	j.last = time.Now()
	return nil
}

const ledgerEnding = ".errors.jsonl"

// Ledger is the path of the list of inputs that failed.
func (j *Job) Ledger() string { return j.path + ledgerEnding }

// Partial is the path of the folder in which the job waits to go on.
func (j *Job) Partial() string { return j.dir }

// Finish gives the files their names, when the inputs have ended. Without rows there is no file. When ctx ends before that, Finish can be repeated, also by another
// process.
func (j *Job) Finish(ctx context.Context) error {
	if err := j.finish(ctx); err != nil {
		j.broken = true
		return j.named(err)
	}
	return nil
}

func (j *Job) finish(ctx context.Context) error {
	if j.now.State == running {
		if err := j.advance(); err != nil {
			return err
		}
		j.now.State = complete
		if err := j.record(); err != nil {
			return err
		}
	}
	if j.now.State == complete {
		if j.now.InFile > 0 {
			if err := j.place(ctx); err != nil {
				return err
			}
		}
		if err := j.placeLedger(); err != nil {
			return err
		}
		j.now.State = placed
		if err := j.write(); err != nil {
			return err
		}
	}
	return j.remove()
}

// file is the path of the file under way.
func (j *Job) file() string {
	if j.options.RowsPerFile == 0 {
		return j.path
	}
	ending := filepath.Ext(j.path)
	return fmt.Sprintf("%s-%05d%s", strings.TrimSuffix(j.path, ending), j.now.File, ending)
}

// place makes the file under way of its rows, which are all recorded. It can be repeated.
func (j *Job) place(ctx context.Context) error {
	rows := filepath.Join(j.dir, rowsSpool)
	if j.format.row != nil && j.spools[rowsSpool] == nil {
		// An earlier process may have come as far as the last step.
		if _, err := os.Stat(rows); errors.Is(err, fs.ErrNotExist) {
			if info, err := os.Stat(j.file()); err == nil && info.Size() == j.done.Sizes[rowsSpool] {
				return nil
			}
		}
	}
	if err := j.openSpools(j.rowSpools()); err != nil {
		return hint(err)
	}
	r := &Rows{Layers: j.layers, N: j.now.InFile, names: j.span(namesSpool), provenance: j.options.Provenance}
	for _, beside := range j.format.beside {
		if err := whole(ctx, j.file()+beside.ending, func(out *atomicfile.File) error { return beside.write(out, r) }); err != nil {
			return err
		}
	}
	if j.format.row == nil {
		for i := range j.layers {
			r.values = append(r.values, j.span(strconv.Itoa(i)))
		}
		return whole(ctx, j.file(), func(out *atomicfile.File) error { return j.format.assemble(out, r) })
	}
	s := j.spools[rowsSpool]
	if j.format.header != nil {
		if _, err := s.WriteAt(j.format.header(j.layers, j.now.InFile), 0); err != nil {
			return err
		}
	}
	if err := s.Sync(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.Close()
	delete(j.spools, rowsSpool)
	return rename(rows, j.file())
}

func rename(from, to string) error {
	defer step()
	return atomicfile.Rename(from, to)
}

func (j *Job) span(name string) span { return span{j.spools[name].File, j.done.Sizes[name]} }

// whole writes a file that is there as a whole or not at all.
func whole(ctx context.Context, path string, write func(*atomicfile.File) error) error {
	out, err := atomicfile.Create(ctx, path)
	if err != nil {
		return err
	}
	defer step()
	defer out.Abort()
	if err := write(out); err != nil {
		return err
	}
	step()
	return out.Commit()
}

// placeLedger gives the ledger its name, or removes one of an earlier job if there is nothing in it.
func (j *Job) placeLedger() error {
	if j.now.Failed == 0 {
		if err := os.Remove(j.Ledger()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	path := filepath.Join(j.dir, errorsSpool)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil // it has its name
	}
	if err := j.openSpools([]string{errorsSpool}); err != nil {
		return hint(err)
	}
	j.spools[errorsSpool].Close()
	delete(j.spools, errorsSpool)
	return rename(path, j.Ledger())
}

// remove removes the folder, when all is done.
func (j *Job) remove() error {
	if err := j.empty(); err != nil {
		return err
	}
	j.unlock()
	os.Remove(j.dir) // unless another process has just begun there
	return nil
}

// empty removes what is in the folder but the lock; the journal last, so that no other file is missed.
func (j *Job) empty() error {
	for name, s := range j.spools {
		s.Close()
		delete(j.spools, name)
	}
	entries, err := os.ReadDir(j.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == lockFile || e.Name() == journalFile {
			continue
		}
		if err := os.Remove(filepath.Join(j.dir, e.Name())); err != nil {
			return err
		}
		step()
	}
	if err := os.Remove(filepath.Join(j.dir, journalFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// unlock removes the lock and lets it go. Removed first, it is not taken by a process that finds the folder about to go.
func (j *Job) unlock() {
	if j.lock != nil {
		os.Remove(j.lock.Name())
		j.lock.Close()
		j.lock = nil
	}
}

// Close records what is done, unless the disk has failed, and lets the job go, for this or another process to go on. A job that has done nothing leaves nothing. After
// Finish it does nothing.
func (j *Job) Close() error {
	if j.lock == nil {
		return nil
	}
	var err error
	if !j.broken && j.now.State == running && j.now.Items > j.done.Items {
		err = j.record()
	}
	j.abandon()
	if err != nil {
		return j.named(err)
	}
	return nil
}

// abandon lets the job go as it is on disk.
func (j *Job) abandon() {
	if j.lock == nil {
		return
	}
	if j.known && j.done.Items == 0 {
		_ = j.remove()
		return
	}
	for _, s := range j.spools {
		s.Close()
	}
	j.lock.Close()
	j.lock = nil
}
