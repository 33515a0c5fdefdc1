// Is what the microphone hears our own playout? For devices without echo cancellation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sonicrtc/fir.hpp"
#include "sonicrtc/kernels.hpp"
#include "sonicrtc/resampler.hpp"

namespace sonicrtc {

/// Compares each 20 ms of the microphone with what was played 0 to kMaxLagMs before.
///
/// Both signals are brought to 4 kHz and pre-emphasised. The squared coherence at a lag is the normalised
/// cross-correlation there, forgotten with kShortMs: the share of the microphone's energy that one delayed
/// and scaled copy of the playout explains. Another voice reaches 0.1 at its best lag in one block of 20
/// (0.29 at most), an echo through a small loudspeaker and a room 0.4 to 0.8, a plain copy 1.
///
/// A block is echo when
/// - at any lag the coherence is at least kEcho: this holds from the first block of the first echo on; or
/// - there is a known path, and at its lag (within 3 ms) the coherence is at least kKnownEcho, and the block
///   is not much louder than that path makes it. A path is known while the same correlation, forgotten with
///   kLongMs, is at least kKnown somewhere, once it was so at one lag for 100 ms of sound: two voices of one
///   pitch agree for as much as 80 ms. It finds echoes with much reverberation, and its third
///   condition lets a user be heard who speaks while the echo goes on; or
/// - there is a known path, and at any lag the correlation, forgotten with kFastMs, is at least kEcho: the
///   path has moved, as it does when a jitter buffer changes its length.
///
/// A tone or a chord fits at every lag, so nothing can be said of it: it is no echo.
///
/// The loudness of the echo does not matter, nor what loudspeaker and room do to it, nor a lag that drifts
/// by less than 1 ms in kShortMs. Positions are counted in samples, so blocks may come in bursts; where the
/// streams move against each other by more than kMostShiftMs, what was learnt is forgotten.
class EchoDetector {
 public:
  static constexpr int kMaxLagMs = 420;  // 400, and what the filters and a block's border take
  static constexpr int kMostShiftMs = 60;
  static constexpr double kFastMs = 50.0;
  static constexpr double kShortMs = 120.0;
  static constexpr double kLongMs = 1500.0;
  static constexpr float kEcho = 0.2F;        // 0.45 squared
  static constexpr float kKnown = 0.0625F;    // 0.25 squared
  static constexpr float kKnownEcho = 0.04F;  // 0.2 squared
  static constexpr float kEverywhere = 0.1F;  // mean over the lags where something was played; speech: 0.07
  static constexpr float kLouder = 8.0F;      // 9 dB above what the known path explains

  /// Rates of the playout and of the microphone; std::invalid_argument unless each is one of kRatesHz.
  explicit EchoDetector(int played_rate_hz = 48000, int heard_rate_hz = kUplinkRateHz);

  /// Takes any number of frames that were given to the listener.
  void played(const std::int16_t* in, std::size_t frames) noexcept;

  /// Takes any number of frames of the microphone, of the same time as the last that were played, and
  /// returns whether the last whole 20 ms were echo.
  bool heard(const std::int16_t* in, std::size_t frames) noexcept;

  /// The verdict of the last 20 ms.
  [[nodiscard]] bool echo() const noexcept { return echo_; }

  /// The highest squared coherence of the last 20 ms, 0 to 1.
  [[nodiscard]] float coherence() const noexcept { return coherence_; }

  /// Lag of the known path in ms, -1 while none is known.
  [[nodiscard]] double lag_ms() const noexcept { return known_ ? lag_of(path_at_) : -1.0; }

  /// Back to the state after construction.
  void reset() noexcept;

 private:
  /// Correlation with the playout and energy of it, for every lag, and the energy of the microphone.
  struct Memory {
    Memory(double forget_ms, std::size_t lags);
    void clear() noexcept;
    void add(const float* product, const float* energy, float heard) noexcept;
    [[nodiscard]] float coherence(std::size_t at) const noexcept;
    void coherences(float* out) const noexcept;

    float keep;
    std::vector<float> products;
    std::vector<float> energies;
    float heard_energy = 0.0F;
  };

  /// From some rate to 4 kHz, pre-emphasised.
  class Front {
   public:
    explicit Front(int rate_hz);
    /// Takes at most kStepFrames and returns how many came out.
    std::size_t process(const std::int16_t* in, std::size_t frames, float* out) noexcept;
    void reset() noexcept;

   private:
    Resampler to_8k_;
    PolyphaseFir to_4k_;
    std::vector<std::int16_t> at_8k_;
    float previous_ = 0.0F;
  };

  static constexpr std::size_t kRateHz = 4000;
  static constexpr std::size_t kUnit = kRateHz / 50;  // what is judged at once: 20 ms
  static constexpr std::size_t kLags = kMaxLagMs * kRateHz / 1000 + 1;
  static constexpr std::size_t kShift = kMostShiftMs * kRateHz / 1000;
  static constexpr std::size_t kPast = kLags + kUnit + kShift;

  [[nodiscard]] static double lag_of(std::size_t at) noexcept {
    return static_cast<double>(kLags - 1 - at) * 1000.0 / kRateHz;
  }
  void append(const float* in, std::size_t count) noexcept;
  [[nodiscard]] std::size_t align() noexcept;
  void judge() noexcept;
  void follow_path() noexcept;
  [[nodiscard]] bool fits_everywhere() const noexcept;
  [[nodiscard]] bool is_known_echo(const float* energy, float heard) const noexcept;

  const Kernels* kernels_;
  Front played_front_;
  Front heard_front_;
  std::vector<float> step_;
  std::vector<float> past_;      // what was played, newest last; then kShift zeros: what comes next
  std::vector<float> energy_;    // energy_[i]: of the kUnit samples from past_[i] on
  std::vector<float> squares_;   // of the samples whose energies change
  std::vector<float> ones_;
  std::vector<float> unit_;      // the microphone's 20 ms
  std::size_t filled_ = 0;       // samples in it
  std::vector<float> products_;  // of this unit; index kLags - 1 - lag, as in everything that has kLags
  std::vector<float> coherences_;
  Memory fast_;
  Memory short_;
  Memory long_;
  std::size_t path_at_ = 0;
  std::size_t steady_ = 0;  // units with sound in which the path has been where it is
  bool sounded_ = false;    // whether the last unit was one
  bool known_ = false;
  bool echo_ = false;
  float coherence_ = 0.0F;
  std::int64_t played_total_ = 0;
  std::int64_t heard_total_ = 0;
  std::int64_t offset_ = 0;  // a sample of the microphone stands at its number + offset_ of the playout
  bool aligned_ = false;
};

}  // namespace sonicrtc
