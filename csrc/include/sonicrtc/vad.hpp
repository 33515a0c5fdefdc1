// From voiced frames to an open or closed gate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "sonicrtc/ring.hpp"

namespace sonicrtc {

enum class Verdict : std::uint8_t {
  unvoiced,
  voiced,
  failed,  ///< the detector could not judge; the gate stays as it is
};

/// What a detector says of one window.
struct Judgement {
  Verdict verdict = Verdict::unvoiced;
  float score = std::numeric_limits<float>::quiet_NaN();  ///< how sure it is of speech, 0 to 1; NaN where it cannot say
};

/// Judges one window of 16 kHz audio at a time.
class Detector {
 public:
  virtual ~Detector() = default;

  /// Length of every window, in frames of 16 kHz; the same for the detector's whole life, at least 1.
  [[nodiscard]] virtual std::size_t window_frames() const noexcept = 0;

  /// `window` has window_frames() samples and follows the last one without a gap.
  virtual Judgement judge(std::span<const std::int16_t> window) noexcept = 0;

  /// Back to the state after construction.
  virtual void reset() noexcept = 0;
};

/// Frames of 16 kHz in a window of `frame_ms`; throws std::invalid_argument unless that is 10, 20 or 30.
[[nodiscard]] std::size_t frames_of_window(int frame_ms);

/// `threshold`; throws std::invalid_argument unless that is 0 to 1.
[[nodiscard]] float checked_threshold(float threshold);

/// What comes out while the gate is closed.
enum class GatePolicy : std::uint8_t {
  off,       ///< what was heard: the detector only tells
  zeros,     ///< zeros of the same length: the time line goes on
  withhold,  ///< zeros for `withhold_after_ms`, then nothing but 20 ms of zeros at the end of every 10 s
};

struct GateSettings {
  int start_k = 2;                        ///< opens when `start_k` of the last `start_n` windows were voiced
  int start_n = 3;                        ///< 1 to 50
  int hangover_ms = 2500;                 ///< closes after this long without a voiced window, 0 to 10000
  int preroll_ms = 300;                   ///< audio kept from before the opening, 0 to 1000
  GatePolicy policy = GatePolicy::zeros;  ///< what comes out while closed
  int withhold_after_ms = 2000;           ///< of being closed, for `withhold`; 0 to 600000
};

/// What happened to the gate during one block. Positions count what came out.
struct GateReport {
  bool speech = false;             ///< state at the end of the block
  std::ptrdiff_t onset = -1;       ///< where in the block the gate opened (the last time), -1 if it did not
  std::ptrdiff_t offset = -1;      ///< where in the block it closed (the last time), -1 if it did not
  std::size_t preroll_frames = 0;  ///< how much of the pre-roll is valid
  float score = std::numeric_limits<float>::quiet_NaN();  ///< highest of the windows that ended in the block
};

/// Cuts the 16 kHz time line into a detector's windows and gates it. A decision takes effect where its
/// window ends, and what is withheld follows from positions, so the result does not depend on how the
/// audio was cut into blocks. Closed until the detector opens it.
class SpeechGate {
 public:
  /// Throws std::invalid_argument for settings outside their ranges.
  SpeechGate(const GateSettings& settings, std::unique_ptr<Detector> detector);

  /// Gates `count` samples in place and returns how many of them are to be sent; they stand at the
  /// front, and without `withhold` they are all. `preroll` has room for preroll_capacity(): on opening,
  /// it receives the audio since the last closing (at most `preroll_ms` of it), none of which was let
  /// through. `base` is where `s16` stands in the caller's block.
  std::size_t process(std::int16_t* s16, float* f32, std::size_t count, std::size_t base, std::int16_t* preroll,
                      GateReport& report) noexcept;

  [[nodiscard]] bool open() const noexcept { return open_; }
  [[nodiscard]] std::size_t preroll_capacity() const noexcept { return history_.capacity(); }
  [[nodiscard]] Detector& detector() noexcept { return *detector_; }
  void reset() noexcept;

 private:
  void end_window(GateReport& report) noexcept;
  [[nodiscard]] std::uint64_t sent_of(std::uint64_t closed_frames) const noexcept;

  GateSettings settings_;
  std::unique_ptr<Detector> detector_;
  HistoryRing history_;
  std::vector<std::int16_t> window_;
  std::size_t filled_ = 0;            // samples of the window that is being collected
  std::uint64_t recent_ = 0;          // one bit per window, newest lowest
  std::size_t unvoiced_frames_ = 0;   // since the last voiced window, while open
  std::uint64_t closed_frames_ = 0;   // since the closing
  bool open_ = false;
};

}  // namespace sonicrtc
