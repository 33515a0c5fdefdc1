#include "sonicrtc/filters.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <tuple>

#include "sonicrtc/minimum_phase.hpp"
#include "sonicrtc/pcm.hpp"
#include "sonicrtc/remez.hpp"

namespace sonicrtc {
namespace {

constexpr double kPass = 7.0 / 16.0;         // band edges as fractions of the lower rate
constexpr double kStop = 9.0 / 16.0;
constexpr double kStopHq = 8.0 / 16.0;
constexpr double kStopWeight = 20.0;         // 0.005 dB of ripple beside -94 dB
constexpr double kEquirippleLength = 5.0;    // taps * transition / sample rate, for those two figures
constexpr double kHalfbandLength = 5.7;      // the same for a half-band filter, at -94 dB in both bands
constexpr double kKaiserAttenuationDb = 96.0;
constexpr double kKaiserLength = 6.1;        // the same for Kaiser's window
constexpr std::size_t kMaxEquirippleUp = 6;  // above it stand only the ratios with 44.1 kHz
constexpr int kDelayPoints = 16;

std::size_t round_up(double value, std::size_t multiple) {
  const auto whole = static_cast<std::size_t>(std::ceil(value - 1e-9));
  return (whole + multiple - 1) / multiple * multiple;
}

// Coefficients with gain 1; `pass` and `stop` are fractions of the prototype's rate.
std::vector<double> design_taps(std::size_t up, std::size_t down, double pass, double stop, Quality quality) {
  const double transition = stop - pass;
  if (up > kMaxEquirippleUp) {  // each phase a multiple of 8 taps for the kernel
    return design_kaiser_lowpass(round_up(kKaiserLength / transition, 8 * up), pass, stop, kKaiserAttenuationDb);
  }
  if (std::max(up, down) == 2 && quality == Quality::standard) {
    return design_equiripple_halfband(round_up(kHalfbandLength / transition, 4) - 1, pass);
  }
  return design_equiripple_lowpass(
      {round_up(kEquirippleLength / transition, std::lcm(up, std::size_t{2})), pass, stop, kStopWeight});
}

// In samples of the prototype.
double delay_of(const std::vector<double>& taps, double pass, Quality quality) {
  if (quality != Quality::low_latency) return static_cast<double>(taps.size() - 1) / 2.0;
  double sum = 0.0;
  for (int i = 0; i < kDelayPoints; ++i) sum += group_delay(taps, pass * (i + 0.5) / kDelayPoints);
  return sum / kDelayPoints;
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
  const double unit = std::min(input_rate_hz, output_rate_hz) / prototype_rate;
  const double pass = kPass * unit;
  const double stop = (quality == Quality::hq ? kStopHq : kStop) * unit;
  std::vector<double> taps = design_taps(bank.up, bank.down, pass, stop, quality);
  if (quality == Quality::low_latency) taps = to_minimum_phase(taps);
  bank.delay_frames = delay_of(taps, pass, quality) / static_cast<double>(bank.down);
  bank.taps_per_phase = (taps.size() + bank.up - 1) / bank.up;
  bank.prototype.resize(bank.taps_per_phase * bank.up);  // a half-band filter's length is odd
  std::transform(taps.begin(), taps.end(), bank.prototype.begin(),
                 [&](double tap) { return static_cast<float>(tap * static_cast<double>(bank.up)); });
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
