package sink

import (
	"bufio"
	"fmt"
	"os"
)

// spool is a file that grows at its end.
type spool struct {
	*os.File
	out  *bufio.Writer
	size int64 // with what is not written yet
}

// openSpool opens a file of which size bytes count: what lies behind them is cut off.
func openSpool(path string, size int64) (*spool, error) {
	flag := os.O_RDWR
	if size == 0 {
		flag |= os.O_CREATE
	}
	f, err := os.OpenFile(path, flag, 0o666)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() < size {
		err = fmt.Errorf("damaged: %d bytes of %s are recorded, but there are %d", size, info.Name(), info.Size())
	}
	s := &spool{File: f, out: bufio.NewWriterSize(nil, 1<<18)}
	if err == nil {
		err = s.truncate(size)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

// truncate forgets what lies behind size bytes, written or not.
func (s *spool) truncate(size int64) error {
	s.out.Reset(s.File)
	if err := s.File.Truncate(size); err != nil {
		return err
	}
	_, err := s.File.Seek(size, 0)
	s.size = size
	return err
}

// Write appends.
func (s *spool) Write(b []byte) (int, error) {
	s.size += int64(len(b))
	return s.out.Write(b)
}

// sync brings all to the disk.
func (s *spool) sync() error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	return s.File.Sync()
}
