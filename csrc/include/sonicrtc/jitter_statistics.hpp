// What a jitter buffer remembers of a network: minima and quantiles of the last packets, and the delays of a call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sonicrtc {

/// The least of the last 451 to 500 values: they are forgotten 50 at a time.
class WindowMinimum {
 public:
  WindowMinimum() noexcept { clear(); }
  void add(double value) noexcept;
  /// Infinity while there is none.
  [[nodiscard]] double value() const noexcept { return minimum_; }
  void clear() noexcept;

 private:
  static constexpr std::size_t kParts = 10;
  static constexpr std::size_t kPart = 50;

  std::array<double, kParts> minima_{};
  std::size_t part_ = 0;
  std::size_t in_part_ = 0;
  double minimum_ = 0.0;
};

/// One quantile of the last 500 durations, in steps of 2.5 ms up to 500 ms; kept up to date as values come.
class RecentQuantile {
 public:
  static constexpr std::size_t kWindow = 500;
  static constexpr double kStepMs = 2.5;

  /// `quantile` is above 0 and at most 1.
  explicit RecentQuantile(double quantile) noexcept : quantile_(quantile) {}

  /// Any number; what is not above 0 counts as 0.
  void add(double ms) noexcept;

  /// The upper end of the step that the quantile lies in; 0 only where it is exactly 0, and while there is no value.
  [[nodiscard]] double value_ms() const noexcept { return static_cast<double>(at_) * kStepMs; }
  void clear() noexcept;

 private:
  static constexpr std::size_t kSteps = 200;

  double quantile_;
  std::array<std::uint16_t, kSteps + 1> counts_{};  // the first is of zeros
  std::array<std::uint8_t, kWindow> window_{};
  std::size_t size_ = 0;
  std::size_t oldest_ = 0;
  std::size_t at_ = 0;     // the step of the quantile
  std::size_t below_ = 0;  // how many values lie in lower steps
};

/// All delays of a call: in steps of 0.25 ms up to 20 ms, then of 2.5 ms up to 500 ms.
class DelayHistogram {
 public:
  /// Any number; what is not above 0 counts as 0.
  void add(double ms) noexcept;

  /// The upper end of the step that quantile `q` (0 to 1) lies in; 0 while there is no value. Above 500 ms, the
  /// largest.
  [[nodiscard]] double quantile_ms(double q) const noexcept;
  [[nodiscard]] double mean_ms() const noexcept { return count_ == 0 ? 0.0 : sum_ms_ / static_cast<double>(count_); }
  [[nodiscard]] double most_ms() const noexcept { return most_ms_; }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

 private:
  static constexpr std::size_t kFine = 80;
  static constexpr std::size_t kCoarse = 192;

  std::array<std::uint32_t, 1 + kFine + kCoarse + 1> counts_{};  // zeros first; last what is longer
  std::uint64_t count_ = 0;
  double sum_ms_ = 0.0;
  double most_ms_ = 0.0;
};

}  // namespace sonicrtc
