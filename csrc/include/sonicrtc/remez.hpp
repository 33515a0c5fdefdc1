// Equiripple low-pass design (Parks and McClellan, "Chebyshev approximation for nonrecursive digital
// filters with linear phase", IEEE Trans. Circuit Theory, 1972).
#pragma once

#include <cstddef>
#include <vector>

namespace sonicrtc {

struct LowpassSpec {
  std::size_t taps;    ///< even
  double pass;         ///< end of the pass band, as a fraction of the sample rate, in (0, stop)
  double stop;         ///< start of the stop band, in (pass, 0.5]; at 0.5 there is none
  double stop_weight;  ///< how many times smaller the stop-band error shall be than the pass-band error
};

/// Linear-phase coefficients with unit gain in the pass band, of length `spec.taps`.
/// Throws std::invalid_argument for a spec outside its ranges, std::runtime_error when the exchange
/// does not settle.
std::vector<double> design_equiripple_lowpass(const LowpassSpec& spec);

/// Half-band filter of length `taps` = 4 k + 3: every second coefficient but the middle one is zero, which
/// halves the work. Its transition is centred on a quarter of the sample rate and its ripple is the same in
/// both bands (Vaidyanathan and Nguyen, "A trick for the design of FIR half-band filters", IEEE Trans.
/// Circuits and Systems, 1987). `pass` lies in (0, 0.25). Throws as above.
std::vector<double> design_equiripple_halfband(std::size_t taps, double pass);

/// Kaiser-windowed sinc with unit gain at 0 Hz and cutoff in the middle of pass and stop; for filters
/// of thousands of taps, where the exchange loses its precision. `attenuation_db` sets the window.
std::vector<double> design_kaiser_lowpass(std::size_t taps, double pass, double stop, double attenuation_db);

}  // namespace sonicrtc
