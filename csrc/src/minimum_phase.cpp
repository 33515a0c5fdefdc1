#include "sonicrtc/minimum_phase.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <numbers>
#include <stdexcept>

namespace sonicrtc {
namespace {

using Complex = std::complex<double>;

constexpr std::size_t kLeastGrid = 32768;
constexpr std::size_t kGridPerTap = 8;
constexpr double kFloor = 1e-8;  // of the largest magnitude: the logarithm of a zero on the circle

// Radix-2 Fourier transform in place, decimation in time; `sign` is -1 forward, +1 back (unscaled).
void transform(std::vector<Complex>& x, double sign) {
  const std::size_t n = x.size();
  for (std::size_t i = 1, j = 0; i < n; ++i) {
    std::size_t bit = n >> 1U;
    for (; (j & bit) != 0; bit >>= 1U) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  std::vector<Complex> roots(n / 2);
  for (std::size_t k = 0; k < n / 2; ++k) {
    roots[k] = std::polar(1.0, sign * 2.0 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n));
  }
  for (std::size_t half = 1; half < n; half *= 2) {
    const std::size_t stride = n / (2 * half);
    for (std::size_t start = 0; start < n; start += 2 * half) {
      for (std::size_t k = 0; k < half; ++k) {
        const Complex& w = roots[k * stride];
        Complex& low = x[start + k];
        Complex& high = x[start + k + half];
        const Complex turned{w.real() * high.real() - w.imag() * high.imag(),
                             w.real() * high.imag() + w.imag() * high.real()};
        high = low - turned;
        low += turned;
      }
    }
  }
}

}  // namespace

std::vector<double> to_minimum_phase(const std::vector<double>& taps) {
  if (taps.empty()) throw std::invalid_argument("minimum phase: expected at least one tap, got none");
  const std::size_t n = std::max(kLeastGrid, std::bit_ceil(kGridPerTap * taps.size()));
  std::vector<Complex> x(n);
  std::copy(taps.begin(), taps.end(), x.begin());
  transform(x, -1.0);
  double largest = 0.0;
  for (const Complex& value : x) largest = std::max(largest, std::abs(value));
  for (Complex& value : x) value = std::log(std::max(std::abs(value), kFloor * largest));
  // Folding the cepstrum of the magnitude onto its causal half adds the phase that belongs to it.
  transform(x, 1.0);
  const double scale = 1.0 / static_cast<double>(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double fold = i == 0 || i == n / 2 ? 1.0 : i < n / 2 ? 2.0 : 0.0;
    x[i] = x[i].real() * scale * fold;
  }
  transform(x, -1.0);
  for (Complex& value : x) value = std::exp(value);
  transform(x, 1.0);
  std::vector<double> result(taps.size());
  for (std::size_t i = 0; i < taps.size(); ++i) result[i] = x[i].real() * scale;
  return result;
}

double group_delay(const std::vector<double>& taps, double f) {
  Complex response{};
  Complex ramped{};
  const Complex step = std::polar(1.0, -2.0 * std::numbers::pi * f);
  Complex turn = 1.0;
  for (std::size_t i = 0; i < taps.size(); ++i, turn *= step) {
    response += taps[i] * turn;
    ramped += static_cast<double>(i) * taps[i] * turn;
  }
  return (ramped / response).real();
}

}  // namespace sonicrtc
