package pipeline

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxErrors is how many inputs may fail: any number (the zero value), so many, or a percentage of those that are done. It is a pflag.Value.
type MaxErrors struct {
	text    string
	count   int64
	percent float64 // instead of count, if text ends so
}

// Set reads "20" or "0.5%".
func (m *MaxErrors) Set(text string) (err error) {
	*m = MaxErrors{text: text}
	if number, ok := strings.CutSuffix(text, "%"); ok {
		m.percent, err = strconv.ParseFloat(number, 64)
		if err != nil || !(m.percent >= 0 && m.percent <= 100) {
			return fmt.Errorf("%q: want a number, or a percentage from 0%% to 100%%", text)
		}
		return nil
	}
	if m.count, err = strconv.ParseInt(text, 10, 64); err != nil || m.count < 0 {
		return fmt.Errorf("%q: want a number, or a percentage like 0.5%%", text)
	}
	return nil
}

func (m *MaxErrors) String() string { return m.text }

// Type is what help calls it.
func (m *MaxErrors) Type() string { return "N|P%" }

// few is the number of inputs from which on a percentage of them says something.
const few = 100

// check is an error when too many of the inputs that are done have failed; a percentage of few inputs counts only at their end.
func (m *MaxErrors) check(s *Stats, end bool) error {
	done, failed := s.Done.Load(), s.Failed.Load()
	switch {
	case m.text == "":
		return nil
	case strings.HasSuffix(m.text, "%"):
		if done < few && !end || float64(failed)*100 <= m.percent*float64(done) {
			return nil
		}
	case failed <= m.count:
		return nil
	}
	return fmt.Errorf("stopped: %d of %d inputs have failed, --max-errors is %s", failed, done, m.text)
}
