#include "sonicrtc/filters.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <tuple>

#include "sonicrtc/pcm.hpp"
#include "sonicrtc/remez.hpp"

namespace sonicrtc {
namespace {

constexpr double kStopWeight = 20.0;         // 0.005 dB of ripple beside -94 dB
constexpr double kEquirippleLength = 5.0;    // taps * transition / sample rate, for those two figures
constexpr double kKaiserAttenuationDb = 96.0;
constexpr double kKaiserLength = 6.1;        // the same for Kaiser's window
constexpr std::size_t kMaxEquirippleUp = 6;  // above it stand only the ratios with 44.1 kHz

// Band edges as fractions of the lower one of both rates.
struct Edges {
  double pass;
  double stop;
};

Edges edges_of(std::size_t up, std::size_t down, Quality quality) {
  if (quality == Quality::high) return {7.0 / 16.0, 8.0 / 16.0};
  // Going down, what folds back stays above the pass band. Going up there is no folding, only images.
  return up < down ? Edges{7.0 / 16.0, 9.0 / 16.0} : Edges{5.0 / 12.0, 7.0 / 12.0};
}

std::size_t round_up(double value, std::size_t multiple) {
  const auto whole = static_cast<std::size_t>(std::ceil(value - 1e-9));
  return (whole + multiple - 1) / multiple * multiple;
}

FilterBank design(int input_rate_hz, int output_rate_hz, Quality quality) {
  const int divisor = std::gcd(input_rate_hz, output_rate_hz);
  FilterBank bank{};
  bank.up = static_cast<std::size_t>(output_rate_hz / divisor);
  bank.down = static_cast<std::size_t>(input_rate_hz / divisor);
  if (bank.up == bank.down) {
    bank.taps_per_phase = 1;
    bank.prototype = {1.0F};
    return bank;
  }
  const double prototype_rate = static_cast<double>(input_rate_hz) * static_cast<double>(bank.up);
  const double low = std::min(input_rate_hz, output_rate_hz);
  const Edges edges = edges_of(bank.up, bank.down, quality);
  const double pass = edges.pass * low / prototype_rate;
  const double stop = edges.stop * low / prototype_rate;
  std::vector<double> taps;
  if (bank.up <= kMaxEquirippleUp) {
    const std::size_t length = round_up(kEquirippleLength / (stop - pass), std::lcm(bank.up, std::size_t{2}));
    taps = design_equiripple_lowpass({length, pass, stop, kStopWeight});
  } else {
    // Each phase a multiple of 8 taps for the kernel.
    const std::size_t length = round_up(kKaiserLength / (stop - pass), 8 * bank.up);
    taps = design_kaiser_lowpass(length, pass, stop, kKaiserAttenuationDb);
  }
  bank.taps_per_phase = taps.size() / bank.up;
  bank.delay_frames = static_cast<double>(taps.size() - 1) / 2.0 / static_cast<double>(bank.down);
  bank.prototype.reserve(taps.size());
  for (const double tap : taps) bank.prototype.push_back(static_cast<float>(tap * static_cast<double>(bank.up)));
  return bank;
}

}  // namespace

const FilterBank& filter_bank(int input_rate_hz, int output_rate_hz, Quality quality) {
  require_known_rate(input_rate_hz, "input_rate_hz");
  require_known_rate(output_rate_hz, "output_rate_hz");
  static std::mutex mutex;
  static std::map<std::tuple<int, int, Quality>, std::unique_ptr<const FilterBank>> banks;
  const std::scoped_lock lock(mutex);
  auto& bank = banks[{input_rate_hz, output_rate_hz, quality}];
  if (!bank) bank = std::make_unique<const FilterBank>(design(input_rate_hz, output_rate_hz, quality));
  return *bank;
}

}  // namespace sonicrtc
