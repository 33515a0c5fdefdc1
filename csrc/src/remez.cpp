#include "sonicrtc/remez.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

namespace sonicrtc {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr int kMaxExchanges = 60;
constexpr double kSettled = 1e-4;  // relative excess of the largest error over the equal-ripple error

// One point of the dense grid. An even length forces a zero at half the sample rate, so the amplitude
// is cos(pi f) P(cos 2 pi f); desired value and weight are those of P.
struct GridPoint {
  double x;
  double desired;
  double weight;
  bool starts_band;
};

std::vector<GridPoint> make_grid(const LowpassSpec& spec, std::size_t coefficients) {
  const std::size_t density = coefficients > 128 ? 8 : 16;
  const double step = 0.5 / static_cast<double>(density * coefficients);
  std::vector<GridPoint> grid;
  const auto add_band = [&](double from, double to, double desired, double weight) {
    const auto steps = static_cast<std::size_t>(std::ceil((to - from) / step));
    for (std::size_t i = 0; i <= steps; ++i) {
      const double f = from + (to - from) * static_cast<double>(i) / static_cast<double>(steps);
      const double zero = std::cos(kPi * f);
      grid.push_back({std::cos(2.0 * kPi * f), desired / zero, weight * zero, i == 0});
    }
  };
  add_band(0.0, spec.pass, 1.0, 1.0);
  if (spec.stop < 0.5) add_band(spec.stop, 0.5 - 0.5 * step, 0.0, spec.stop_weight);
  return grid;
}

// The polynomial that alternates by +-delta around the desired values at the reference points,
// in barycentric form.
struct Interpolant {
  std::vector<double> x, y, weight;
  double delta = 0.0;

  void fit(const std::vector<GridPoint>& grid, const std::vector<std::size_t>& reference) {
    const std::size_t n = reference.size();
    x.resize(n);
    y.resize(n);
    weight.resize(n);
    for (std::size_t i = 0; i < n; ++i) x[i] = grid[reference[i]].x;
    double above = 0.0;
    double below = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      double product = 1.0;
      for (std::size_t j = 0; j < n; ++j) {
        if (j != i) product *= 2.0 * (x[i] - x[j]);
      }
      weight[i] = 1.0 / product;
      const GridPoint& point = grid[reference[i]];
      above += weight[i] * point.desired;
      below += weight[i] * sign(i) / point.weight;
    }
    delta = above / below;
    for (std::size_t i = 0; i < n; ++i) {
      const GridPoint& point = grid[reference[i]];
      y[i] = point.desired - sign(i) * delta / point.weight;
    }
  }

  [[nodiscard]] double at(double where) const {
    double above = 0.0;
    double below = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double distance = where - x[i];
      if (distance == 0.0) return y[i];
      const double w = weight[i] / distance;
      above += w * y[i];
      below += w;
    }
    return above / below;
  }

  static double sign(std::size_t i) { return i % 2 == 0 ? 1.0 : -1.0; }
};

// Local extrema of the error whose signs alternate, the larger one of neighbours with equal sign.
std::vector<std::size_t> alternation(const std::vector<GridPoint>& grid, const std::vector<double>& error) {
  std::vector<std::size_t> found;
  const std::size_t n = grid.size();
  for (std::size_t i = 0; i < n; ++i) {
    const double e = error[i];
    const double size = std::abs(e);
    const auto smaller = [&](std::size_t j) { return std::copysign(1.0, error[j]) != std::copysign(1.0, e) ||
                                                     std::abs(error[j]) <= size; };
    const bool first = i == 0 || grid[i].starts_band;
    const bool last = i + 1 == n || grid[i + 1].starts_band;
    if (!(first || smaller(i - 1)) || !(last || smaller(i + 1))) continue;
    if (!found.empty() && (error[found.back()] > 0.0) == (e > 0.0)) {
      if (std::abs(error[found.back()]) < size) found.back() = i;
    } else {
      found.push_back(i);
    }
  }
  return found;
}

// Leaves `wanted` points: the smaller end goes first; inside, the smallest goes with a neighbour,
// so that the signs still alternate.
void thin_out(std::vector<std::size_t>& found, const std::vector<double>& error, std::size_t wanted) {
  while (found.size() > wanted) {
    if (found.size() == wanted + 1) {
      const bool drop_front = std::abs(error[found.front()]) < std::abs(error[found.back()]);
      found.erase(drop_front ? found.begin() : found.end() - 1);
      continue;
    }
    const auto smallest = std::min_element(found.begin(), found.end(), [&](std::size_t a, std::size_t b) {
      return std::abs(error[a]) < std::abs(error[b]);
    });
    if (smallest == found.begin() || smallest + 1 == found.end()) {
      found.erase(smallest);
    } else {
      const bool with_next = std::abs(error[*(smallest + 1)]) < std::abs(error[*(smallest - 1)]);
      const auto first = with_next ? smallest : smallest - 1;
      found.erase(first, first + 2);
    }
  }
}

Interpolant exchange(const LowpassSpec& spec) {
  const std::size_t coefficients = spec.taps / 2;
  const std::vector<GridPoint> grid = make_grid(spec, coefficients);
  std::vector<std::size_t> reference(coefficients + 1);
  for (std::size_t i = 0; i <= coefficients; ++i) reference[i] = i * (grid.size() - 1) / coefficients;
  std::vector<double> error(grid.size());
  Interpolant fit;
  for (int round = 0; round < kMaxExchanges; ++round) {
    fit.fit(grid, reference);
    double largest = 0.0;
    for (std::size_t i = 0; i < grid.size(); ++i) {
      error[i] = grid[i].weight * (grid[i].desired - fit.at(grid[i].x));
      largest = std::max(largest, std::abs(error[i]));
    }
    if (largest <= std::abs(fit.delta) * (1.0 + kSettled)) return fit;
    std::vector<std::size_t> found = alternation(grid, error);
    if (found.size() < reference.size()) break;
    thin_out(found, error, reference.size());
    reference = found;
  }
  throw std::runtime_error("equiripple design of " + std::to_string(spec.taps) + " taps did not settle");
}

void require(bool ok, const char* what) {
  if (!ok) throw std::invalid_argument(what);
}

// Modified Bessel function of the first kind, order zero.
double bessel_i0(double x) {
  double term = 1.0;
  double sum = 1.0;
  for (int k = 1; term > sum * 1e-17; ++k) {
    term *= (x / (2.0 * k)) * (x / (2.0 * k));
    sum += term;
  }
  return sum;
}

}  // namespace

std::vector<double> design_equiripple_lowpass(const LowpassSpec& spec) {
  require(spec.taps >= 4 && spec.taps % 2 == 0, "low-pass design: expected an even number of taps, at least 4");
  require(0.0 < spec.pass && spec.pass < spec.stop && spec.stop <= 0.5,
          "low-pass design: expected 0 < pass < stop <= 0.5");
  require(spec.stop_weight > 0.0, "low-pass design: expected a positive weight");
  const Interpolant fit = exchange(spec);
  const std::size_t n = spec.taps;
  const double length = static_cast<double>(n);
  std::vector<double> amplitude(n / 2);  // at multiples of 1/taps; at half the sample rate it is 0
  for (std::size_t k = 0; k < n / 2; ++k) {
    const double f = static_cast<double>(k) / length;
    amplitude[k] = std::cos(kPi * f) * fit.at(std::cos(2.0 * kPi * f));
  }
  std::vector<double> taps(n);
  for (std::size_t i = 0; i < n / 2; ++i) {
    const double from_centre = static_cast<double>(i) - (length - 1.0) / 2.0;
    double sum = amplitude[0];
    for (std::size_t k = 1; k < n / 2; ++k) {
      sum += 2.0 * amplitude[k] * std::cos(2.0 * kPi * static_cast<double>(k) / length * from_centre);
    }
    taps[i] = taps[n - 1 - i] = sum / length;
  }
  return taps;
}

std::vector<double> design_equiripple_halfband(std::size_t taps, double pass) {
  require(taps >= 7 && taps % 4 == 3, "half-band design: expected a length of 4 k + 3, at least 7");
  require(0.0 < pass && pass < 0.25, "half-band design: expected 0 < pass < 0.25");
  // A filter with one band alone, a zero forced at half its rate, and then a zero between all its taps.
  const std::vector<double> dense = design_equiripple_lowpass({(taps + 1) / 2, 2.0 * pass, 0.5, 1.0});
  std::vector<double> result(taps, 0.0);
  for (std::size_t i = 0; i < dense.size(); ++i) result[2 * i] = 0.5 * dense[i];
  result[taps / 2] = 0.5;
  return result;
}

std::vector<double> design_kaiser_lowpass(std::size_t taps, double pass, double stop, double attenuation_db) {
  require(taps >= 2, "low-pass design: expected at least 2 taps");
  require(0.0 < pass && pass < stop && stop < 0.5, "low-pass design: expected 0 < pass < stop < 0.5");
  require(attenuation_db > 50.0, "low-pass design: expected an attenuation above 50 dB");
  const double beta = 0.1102 * (attenuation_db - 8.7);  // Kaiser's formula for more than 50 dB
  const double cutoff = 0.5 * (pass + stop);
  const double centre = static_cast<double>(taps - 1) / 2.0;
  std::vector<double> result(taps);
  double gain = 0.0;
  for (std::size_t i = 0; i < (taps + 1) / 2; ++i) {
    const double t = static_cast<double>(i) - centre;
    const double phase = 2.0 * kPi * cutoff * t;
    const double sinc = t == 0.0 ? 1.0 : std::sin(phase) / phase;
    const double r = t / centre;
    result[i] = result[taps - 1 - i] = sinc * bessel_i0(beta * std::sqrt(std::max(0.0, 1.0 - r * r)));
    gain += i == taps - 1 - i ? result[i] : 2.0 * result[i];
  }
  for (double& tap : result) tap /= gain;
  return result;
}

}  // namespace sonicrtc
