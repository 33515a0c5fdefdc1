// The sample formats, rates and scales that every other header speaks of.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace sonicrtc {

/// Sample rates that the resamplers convert between, in Hz.
inline constexpr std::array<int, 5> kRatesHz{8000, 16000, 24000, 44100, 48000};

/// The rate that models and detectors listen at.
inline constexpr int kUplinkRateHz = 16000;

/// How a block of interleaved frames becomes one channel.
enum class Mix : std::uint8_t {
  mono,   ///< one channel in
  mean,   ///< (left + right) / 2
  left,   ///< first of two
  right,  ///< second of two
};

[[nodiscard]] constexpr std::size_t channels_of(Mix mix) noexcept { return mix == Mix::mono ? 1 : 2; }

[[nodiscard]] constexpr bool is_known_rate(int rate_hz) noexcept {
  for (const int known : kRatesHz) {
    if (rate_hz == known) return true;
  }
  return false;
}

/// Throws std::invalid_argument naming `what` unless `rate_hz` is one of kRatesHz.
void require_known_rate(int rate_hz, const char* what);

/// Turns denormal numbers into zero while it lives: a filter that rings out would otherwise run
/// a hundred times slower. Restores the caller's floating-point mode.
class FlushToZero {
 public:
#if defined(__x86_64__) || defined(_M_X64)
  FlushToZero() noexcept : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | kFlush | kDenormalsAreZero); }
  ~FlushToZero() { _mm_setcsr(saved_); }
#elif defined(__aarch64__)
  FlushToZero() noexcept {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" : : "r"(saved_ | (1ULL << 24U)));
  }
  ~FlushToZero() { asm volatile("msr fpcr, %0" : : "r"(saved_)); }
#elif defined(__arm__) && defined(__ARM_FP)
  // NEON of 32-bit ARM always flushes; this is for what is computed one float at a time.
  FlushToZero() noexcept {
    asm volatile("vmrs %0, fpscr" : "=r"(saved_));
    asm volatile("vmsr fpscr, %0" : : "r"(saved_ | (1U << 24U)));
  }
  ~FlushToZero() { asm volatile("vmsr fpscr, %0" : : "r"(saved_)); }
#else
  FlushToZero() noexcept = default;
  ~FlushToZero() {}
#endif
  FlushToZero(const FlushToZero&) = delete;
  FlushToZero& operator=(const FlushToZero&) = delete;

 private:
#if defined(__x86_64__) || defined(_M_X64)
  static constexpr unsigned kFlush = 0x8000;
  static constexpr unsigned kDenormalsAreZero = 0x0040;
  unsigned saved_;
#elif defined(__aarch64__)
  std::uint64_t saved_ = 0;
#elif defined(__arm__) && defined(__ARM_FP)
  std::uint32_t saved_ = 0;
#endif
};

}  // namespace sonicrtc
