#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <stdexcept>

#include "check.hpp"
#include "sonicrtc/remez.hpp"

namespace {

using sonicrtc::design_equiripple_lowpass;
using sonicrtc::design_kaiser_lowpass;

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
  CHECK_THROWS(design_equiripple_lowpass({64, 0.1, 0.5, 1.0}), std::invalid_argument);
  CHECK_THROWS(design_equiripple_lowpass({64, 0.1, 0.2, 0.0}), std::invalid_argument);
  CHECK_THROWS(design_kaiser_lowpass(64, 0.1, 0.2, 10.0), std::invalid_argument);
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
      {"Kaiser's window meets its bands", kaiser_meets_the_bands},
  };
  return run_all(cases);
}
