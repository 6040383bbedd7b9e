package engine

import (
	"fmt"
	"math"
)

func validEps(eps float64) error {
	if !(eps >= 0) || math.IsInf(eps, 0) {
		return fmt.Errorf("eps %v", eps)
	}
	return nil
}

// BatchNorm is (x-mean)/sqrt(var+eps)*gamma+beta per channel with the running statistics (Ioffe and Szegedy 2015). Gamma or Beta may be "" (1 and 0).
type BatchNorm struct {
	Eps   float64 `json:"eps"`
	Gamma string  `json:"gamma,omitempty"`
	Beta  string  `json:"beta,omitempty"`
	Mean  string  `json:"mean"`
	Var   string  `json:"var"`
}

func (*BatchNorm) Kind() string { return "BatchNorm" }

func (b *BatchNorm) validate() error {
	if err := validEps(b.Eps); err != nil {
		return err
	}
	if b.Mean == "" || b.Var == "" {
		return fmt.Errorf("no mean or variance tensor")
	}
	return nil
}

func (*BatchNorm) infer(in []Shape) (Shape, error) { return channelwise(in) }

func (b *BatchNorm) params(_ Layout, in []Shape) []Param {
	return perChannel(in, b.Gamma, b.Beta, b.Mean, b.Var)
}

func (*BatchNorm) macs(_ []Shape, out Shape) int64 { return int64(out.Elements()) }

// LayerNorm is (x-mean)/sqrt(var+eps)*gamma+beta with the mean and the biased variance of each pixel's channels (Ba et al. 2016; ConvNeXt's, in either
// order of axes). Gamma or Beta may be "" (1 and 0).
type LayerNorm struct {
	Eps   float64 `json:"eps"`
	Gamma string  `json:"gamma,omitempty"`
	Beta  string  `json:"beta,omitempty"`
}

func (*LayerNorm) Kind() string                    { return "LayerNorm" }
func (n *LayerNorm) validate() error               { return validEps(n.Eps) }
func (*LayerNorm) infer(in []Shape) (Shape, error) { return channelwise(in) }
func (*LayerNorm) macs(_ []Shape, out Shape) int64 { return int64(out.Elements()) }
func (n *LayerNorm) params(_ Layout, in []Shape) []Param {
	return perChannel(in, n.Gamma, n.Beta)
}

// GroupNorm is (x-mean)/sqrt(var+eps)*gamma+beta with the mean and the biased variance of each of Groups equal runs of channels over the whole map
// (Wu and He 2018). Gamma and Beta are per channel; either may be "" (1 and 0).
type GroupNorm struct {
	Groups int     `json:"groups"`
	Eps    float64 `json:"eps"`
	Gamma  string  `json:"gamma,omitempty"`
	Beta   string  `json:"beta,omitempty"`
}

func (*GroupNorm) Kind() string { return "GroupNorm" }
func (n *GroupNorm) validate() error {
	if n.Groups < 1 {
		return fmt.Errorf("%d groups", n.Groups)
	}
	return validEps(n.Eps)
}
func (n *GroupNorm) infer(in []Shape) (Shape, error) {
	s, err := channelwise(in)
	if err == nil && s.C%n.Groups != 0 {
		err = fmt.Errorf("%d channels do not divide into %d groups", s.C, n.Groups)
	}
	return s, err
}
func (*GroupNorm) macs(_ []Shape, out Shape) int64 { return int64(out.Elements()) }
func (n *GroupNorm) params(_ Layout, in []Shape) []Param {
	return perChannel(in, n.Gamma, n.Beta)
}

// InstanceNorm is a GroupNorm of as many groups as channels (Ulyanov et al. 2016).
type InstanceNorm struct {
	Eps   float64 `json:"eps"`
	Gamma string  `json:"gamma,omitempty"`
	Beta  string  `json:"beta,omitempty"`
}

func (*InstanceNorm) Kind() string                    { return "InstanceNorm" }
func (n *InstanceNorm) validate() error               { return validEps(n.Eps) }
func (*InstanceNorm) infer(in []Shape) (Shape, error) { return channelwise(in) }
func (*InstanceNorm) macs(_ []Shape, out Shape) int64 { return int64(out.Elements()) }
func (n *InstanceNorm) params(_ Layout, in []Shape) []Param {
	return perChannel(in, n.Gamma, n.Beta)
}

// L2Normalize divides each pixel's channels, or a vector, by the larger of their Euclidean length and Eps (PyTorch's normalize; TensorFlow's
// l2_normalize has the square of Eps).
type L2Normalize struct {
	noParams
	Eps float64 `json:"eps"`
}

func (*L2Normalize) Kind() string                    { return "L2Normalize" }
func (n *L2Normalize) validate() error               { return validEps(n.Eps) }
func (*L2Normalize) infer(in []Shape) (Shape, error) { return single(in) }

// LRN is local response normalisation over the channels (Krizhevsky et al. 2012): x / (Bias + Alpha/Size * sum of x*x)^Beta, the sum over the channels
// c - floor((Size-1)/2) to c + ceil((Size-1)/2), as ONNX defines it. TensorFlow's alpha is Alpha/Size and its size 2*depth_radius + 1.
type LRN struct {
	noParams
	Size  int     `json:"size"`
	Alpha float64 `json:"alpha"`
	Beta  float64 `json:"beta"`
	Bias  float64 `json:"bias"`
}

func (*LRN) Kind() string { return "LRN" }
func (n *LRN) validate() error {
	if n.Size < 1 || n.Size > maxExtent {
		return fmt.Errorf("size %d", n.Size)
	}
	for _, v := range [3]float64{n.Alpha, n.Beta, n.Bias} {
		if !(math.Abs(v) <= math.MaxFloat32) {
			return fmt.Errorf("alpha %v, beta %v, bias %v are not in float32's range", n.Alpha, n.Beta, n.Bias)
		}
	}
	return nil
}
func (*LRN) infer(in []Shape) (Shape, error) { return channelwise(in) }

// Softmax is exp(x) over its sum, along the channels.
type Softmax struct{ noParams }

func (*Softmax) Kind() string { return "Softmax" }
func (*Softmax) infer(in []Shape) (Shape, error) {
	return channelwise(in)
}

// LogSoftmax is the logarithm of Softmax.
type LogSoftmax struct{ noParams }

func (*LogSoftmax) Kind() string                    { return "LogSoftmax" }
func (*LogSoftmax) infer(in []Shape) (Shape, error) { return channelwise(in) }
