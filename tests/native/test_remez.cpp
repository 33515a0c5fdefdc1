#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <stdexcept>

#include "check.hpp"
#include "sonicrtc/minimum_phase.hpp"
#include "sonicrtc/remez.hpp"

namespace {

using sonicrtc::design_equiripple_halfband;
using sonicrtc::design_equiripple_lowpass;
using sonicrtc::design_kaiser_lowpass;
using sonicrtc::group_delay;
using sonicrtc::to_minimum_phase;

double gain(const std::vector<double>& taps, double f) {
  std::complex<double> sum = 0.0;
  for (std::size_t i = 0; i < taps.size(); ++i) {
    sum += taps[i] * std::polar(1.0, -2.0 * std::numbers::pi * f * static_cast<double>(i));
  }
  return std::abs(sum);
}

double worst_in_pass(const std::vector<double>& taps, double pass) {
  double worst = 0.0;
  for (int i = 0; i <= 2000; ++i) worst = std::max(worst, std::abs(gain(taps, pass * i / 2000.0) - 1.0));
  return worst;
}

double worst_in_stop(const std::vector<double>& taps, double stop) {
  double worst = 0.0;
  for (int i = 0; i <= 4000; ++i) worst = std::max(worst, gain(taps, stop + (0.5 - stop) * i / 4000.0));
  return worst;
}

void meets_the_bands() {
  const auto taps = design_equiripple_lowpass({120, 7.0 / 48.0, 9.0 / 48.0, 20.0});
  CHECK(20.0 * std::log10(1.0 + worst_in_pass(taps, 7.0 / 48.0)) < 0.01);
  CHECK(20.0 * std::log10(worst_in_stop(taps, 9.0 / 48.0)) < -90.0);
}

void ripples_are_equal_and_weighted() {
  const auto taps = design_equiripple_lowpass({64, 0.15, 0.22, 10.0});
  const double pass = worst_in_pass(taps, 0.15);
  const double stop = worst_in_stop(taps, 0.22);
  CHECK(std::abs(pass / stop - 10.0) < 0.3);  // the design looks at 16 points per ripple, this test at more
}

void is_symmetric() {
  const auto taps = design_equiripple_lowpass({64, 0.15, 0.22, 10.0});
  for (std::size_t i = 0; i < taps.size(); ++i) CHECK(taps[i] == taps[taps.size() - 1 - i]);
}

// The smallest case has a closed form: four taps, A(f) = 2 h1 cos(pi f) + 2 h0 cos(3 pi f).
void alternates_at_one_more_point_than_it_has_coefficients() {
  const auto taps = design_equiripple_lowpass({4, 0.1, 0.4, 1.0});
  const double at_zero = gain(taps, 0.0) - 1.0;
  const double at_pass = gain(taps, 0.1) - 1.0;
  const double at_stop = gain(taps, 0.4);
  CHECK(std::abs(std::abs(at_zero) - std::abs(at_pass)) < 1e-6);
  CHECK(std::abs(std::abs(at_zero) - std::abs(at_stop)) < 1e-6);
}

void refuses_impossible_bands() {
  CHECK_THROWS(design_equiripple_lowpass({63, 0.1, 0.2, 1.0}), std::invalid_argument);
  CHECK_THROWS(design_equiripple_lowpass({64, 0.2, 0.1, 1.0}), std::invalid_argument);
  CHECK_THROWS(design_equiripple_lowpass({64, 0.1, 0.51, 1.0}), std::invalid_argument);
  CHECK_THROWS(design_equiripple_lowpass({64, 0.1, 0.2, 0.0}), std::invalid_argument);
  CHECK_THROWS(design_kaiser_lowpass(64, 0.1, 0.2, 10.0), std::invalid_argument);
  CHECK_THROWS(design_equiripple_halfband(92, 0.2), std::invalid_argument);
  CHECK_THROWS(design_equiripple_halfband(91, 0.25), std::invalid_argument);
  CHECK_THROWS(to_minimum_phase({}), std::invalid_argument);
}

void a_halfband_has_equal_ripples_and_zeros_between_its_taps() {
  const double pass = 10.5 / 48.0;
  const auto taps = design_equiripple_halfband(91, pass);
  CHECK(std::abs(worst_in_pass(taps, pass) / worst_in_stop(taps, 0.5 - pass) - 1.0) < 0.05);
  CHECK(20.0 * std::log10(worst_in_stop(taps, 0.5 - pass)) < -94.0);
  for (std::size_t i = 1; i < taps.size(); i += 2) CHECK(taps[i] == (i == 45 ? 0.5 : 0.0));
}

void minimum_phase_keeps_the_magnitude_and_loses_the_delay() {
  const auto linear = design_equiripple_lowpass({120, 7.0 / 48.0, 9.0 / 48.0, 20.0});
  const auto minimum = to_minimum_phase(linear);
  CHECK(minimum.size() == linear.size());
  for (int i = 0; i <= 2000; ++i) CHECK(std::abs(gain(minimum, i / 4000.0) - gain(linear, i / 4000.0)) < 2e-6);
  CHECK(std::abs(group_delay(linear, 0.02) - 59.5) < 1e-9);
  CHECK(group_delay(minimum, 0.02) < 7.0);
}

// Of all filters with one magnitude, the minimum-phase one has put out the most energy at any time.
void minimum_phase_puts_its_energy_first() {
  const auto linear = design_equiripple_lowpass({64, 0.15, 0.22, 10.0});
  const auto minimum = to_minimum_phase(linear);
  double early = 0.0;
  double late = 0.0;
  for (std::size_t i = 0; i < linear.size(); ++i) {
    early += minimum[i] * minimum[i];
    late += linear[i] * linear[i];
    CHECK(early > late - 1e-6);
  }
  CHECK(std::abs(early - late) < 1e-6);
}

void kaiser_meets_the_bands() {
  const auto taps = design_kaiser_lowpass(400, 0.1, 0.1 + 6.1 / 400.0, 96.0);
  CHECK(20.0 * std::log10(1.0 + worst_in_pass(taps, 0.1)) < 0.01);
  CHECK(20.0 * std::log10(worst_in_stop(taps, 0.1 + 6.1 / 400.0)) < -90.0);
}

}  // namespace

int main() {
  const Case cases[] = {
      {"an equiripple low-pass meets its bands", meets_the_bands},
      {"its ripples stand in the ratio of the weight", ripples_are_equal_and_weighted},
      {"it is symmetric", is_symmetric},
      {"the smallest design alternates", alternates_at_one_more_point_than_it_has_coefficients},
      {"impossible bands are refused", refuses_impossible_bands},
      {"a half-band filter has equal ripples and zeros between its taps", a_halfband_has_equal_ripples_and_zeros_between_its_taps},
      {"minimum phase keeps the magnitude and loses the delay", minimum_phase_keeps_the_magnitude_and_loses_the_delay},
      {"minimum phase puts its energy first", minimum_phase_puts_its_energy_first},
      {"Kaiser's window meets its bands", kaiser_meets_the_bands},
  };
  return run_all(cases);
}
