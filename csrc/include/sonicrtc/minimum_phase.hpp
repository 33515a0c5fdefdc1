// The shortest delay that a filter's magnitude response allows.
#pragma once

#include <cstddef>
#include <vector>

namespace sonicrtc {

/// Coefficients with the magnitude response of `taps` and minimum phase, of the same length: the zeros
/// outside the unit circle are mirrored into it. By the real cepstrum (Oppenheim and Schafer,
/// "Discrete-Time Signal Processing", chapter on cepstrum analysis), on a grid dense enough that the
/// magnitude differs by less than 2e-6 of the gain, -114 dB, where `taps` has some hundred coefficients.
/// Throws std::invalid_argument when `taps` is empty.
std::vector<double> to_minimum_phase(const std::vector<double>& taps);

/// Group delay at the normalised frequency `f` (1 is the sample rate), in samples.
double group_delay(const std::vector<double>& taps, double f);

}  // namespace sonicrtc
