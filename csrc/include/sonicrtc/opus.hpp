// Opus (RFC 6716), coded by a libopus that is found while the program runs, and what a packet says of itself
// without any library.
//
// Neither the headers of libopus nor the library are needed to build or to link. One thread at a time may use
// a decoder or an encoder; all of them share one OpusLibrary.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "sonicrtc/frame_decoder.hpp"
#include "sonicrtc/pcm.hpp"

namespace sonicrtc {

/// Rates that Opus codes at, in Hz.
inline constexpr std::array<int, 5> kOpusRatesHz{8000, 12000, 16000, 24000, 48000};

/// What the head of a packet says (RFC 6716 sections 3 and 4.2.4); nothing is decoded.
class OpusPacket {
 public:
  enum class Mode : std::uint8_t { silk, hybrid, celt };

  /// Any bytes will do; `packet` is not kept.
  explicit OpusPacket(std::span<const std::uint8_t> packet) noexcept;

  /// Whether the bytes are a packet: requirements R1 to R7 of section 3.4.
  [[nodiscard]] bool valid() const noexcept { return count_ != 0; }

  // The rest is for valid packets.
  [[nodiscard]] Mode mode() const noexcept { return mode_; }
  [[nodiscard]] bool stereo() const noexcept { return stereo_; }

  /// How many of Opus's own frames the packet holds, 1 to 48.
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

  /// Our frames (samples per channel) in the whole packet, and in the first of Opus's frames; 0 unless valid.
  [[nodiscard]] std::size_t frames(int rate_hz) const noexcept { return count_ * first_frames(rate_hz); }
  [[nodiscard]] std::size_t first_frames(int rate_hz) const noexcept {
    return valid() ? quanta_ * static_cast<std::size_t>(rate_hz) / 400 : 0;
  }

  /// Whether it carries in-band FEC ("LBRR"): the end of the packet before it once more, as much as
  /// `first_frames`, at a lower bit rate.
  [[nodiscard]] bool has_fec() const noexcept { return has_fec_; }

 private:
  using Bytes = std::span<const std::uint8_t>;
  struct Content;

  Mode mode_ = Mode::silk;
  bool stereo_ = false;
  bool has_fec_ = false;
  std::uint8_t count_ = 0;
  std::uint8_t quanta_ = 0;  // length of one of Opus's frames, in 2.5 ms
};

/// A shared libopus, loaded at run time.
class OpusLibrary {
 public:
  /// `path` is a file, or a bare name that the system's loader looks for. Throws std::runtime_error, which says
  /// why, when it cannot be loaded or is not libopus.
  explicit OpusLibrary(const std::string& path);
  ~OpusLibrary();
  OpusLibrary(const OpusLibrary&) = delete;
  OpusLibrary& operator=(const OpusLibrary&) = delete;

  /// The file that was loaded.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// What the library says of itself, such as "libopus 1.6.1".
  [[nodiscard]] const std::string& version() const noexcept { return version_; }

 private:
  friend class OpusDecoder;
  friend class OpusEncoder;

  /// The functions of libopus that are used, as its API documentation declares them. The two that take a
  /// request are variadic there, and so they must be here: where the C ABI passes variadic arguments in
  /// another place (Apple's 64-bit ARM), a call by another type would pass rubbish.
  struct Functions {
    const char* (*version)();
    const char* (*error_text)(int error);
    int (*decoder_size)(int channels);
    int (*decoder_init)(void* state, std::int32_t rate_hz, int channels);
    int (*decoder_ctl)(void* state, int request, ...);
    int (*decode)(void* state, const unsigned char* packet, std::int32_t bytes, std::int16_t* out, int frames, int fec);
    int (*encoder_size)(int channels);
    int (*encoder_init)(void* state, std::int32_t rate_hz, int channels, int application);
    int (*encoder_ctl)(void* state, int request, ...);
    std::int32_t (*encode)(void* state, const std::int16_t* in, int frames, unsigned char* out, std::int32_t bytes);
  };

  void load();
  template <typename Function>
  void find(Function& function, const char* name);
  void require_done(int result, const char* what) const;

  std::string path_;
  std::string version_;
  void* handle_ = nullptr;
  Functions call_{};
};

/// From packets to mono at `rate_hz`, whatever rate and channels they were made from.
class OpusDecoder : public FrameDecoder {
 public:
  /// Throws std::invalid_argument unless `rate_hz` is one of kOpusRatesHz.
  explicit OpusDecoder(std::shared_ptr<const OpusLibrary> library, int rate_hz = kUplinkRateHz);

  [[nodiscard]] std::size_t frames(std::span<const std::uint8_t> packet) const noexcept override {
    return OpusPacket(packet).frames(rate_hz_);
  }

  std::size_t decode(std::span<const std::uint8_t> packet, std::int16_t* out) noexcept override;

  /// FEC covers one of Opus's frames. Where `frames` is more, because the lost packet held several, its
  /// beginning is concealed; false where it is less. `frames` is 120 ms at most.
  bool recover(std::span<const std::uint8_t> next, std::size_t frames, std::int16_t* out) noexcept override;

  void conceal(std::size_t frames, std::int16_t* out) noexcept override;

  [[nodiscard]] int rate_hz() const noexcept override { return rate_hz_; }
  void reset() noexcept override;

 private:
  [[nodiscard]] std::size_t decode(std::span<const std::uint8_t> packet, std::int16_t* out, std::size_t frames,
                                   bool fec) noexcept;
  [[nodiscard]] std::size_t quantum() const noexcept { return static_cast<std::size_t>(rate_hz_) / 400; }

  std::shared_ptr<const OpusLibrary> library_;
  int rate_hz_;
  std::unique_ptr<std::byte[]> state_;
  bool after_celt_ = false;  // libopus restores nothing then: there is nothing for SILK to go on from
};

/// From mono speech to packets: application "voip", variable bit rate, no discontinuous transmission.
///
/// In-band FEC costs quality while nothing is lost, so it is off until a loss is expected.
class OpusEncoder {
 public:
  /// The most that one call writes: what fits into one packet of RTP.
  static constexpr std::size_t kMaxPacketBytes = 1200;
  static constexpr int kLowestBitrate = 6000;
  static constexpr int kHighestBitrate = 510'000;
  static constexpr int kMostComplex = 10;

  /// `rate_hz` is one of kOpusRatesHz, `bitrate` in bits per second, `complexity` 0 (least work) to 10;
  /// std::invalid_argument for anything else.
  explicit OpusEncoder(std::shared_ptr<const OpusLibrary> library, int rate_hz = 24'000, int bitrate = 32'000,
                       int complexity = 5);

  /// Whether `frames` are 10, 20, 40 or 60 ms, which is what one packet may be made of.
  [[nodiscard]] bool takes(std::size_t frames) const noexcept;

  /// Codes a block that `takes` is true of; returns how many bytes were written to `out`, at most
  /// kMaxPacketBytes. 0 for a block of another length, and when `out` is too small.
  int encode(const std::int16_t* in, std::size_t frames, std::span<std::uint8_t> out) noexcept;

  /// From the next block on. False, and nothing changes, when it is out of range.
  bool set_bitrate(int bitrate) noexcept;

  /// Share of packets that the listener loses, 0 to 100: what FEC is made for. 0 turns FEC off. Below about
  /// 24 kbit/s libopus leaves FEC out. False, and nothing changes, when it is out of range.
  bool set_expected_loss_percent(int percent) noexcept;

  [[nodiscard]] int rate_hz() const noexcept { return rate_hz_; }
  [[nodiscard]] int complexity() const noexcept { return complexity_; }
  [[nodiscard]] int bitrate() const noexcept { return bitrate_; }
  [[nodiscard]] int expected_loss_percent() const noexcept { return expected_loss_percent_; }

  /// How much later than it was given the listener's decoder gives a frame, in frames at `rate_hz`.
  [[nodiscard]] std::size_t lookahead_frames() const noexcept { return lookahead_frames_; }

  /// Begins a new stream; the settings stay.
  void reset() noexcept;

 private:
  int set(int request, int value) noexcept;

  std::shared_ptr<const OpusLibrary> library_;
  int rate_hz_;
  int complexity_;
  int bitrate_;
  int expected_loss_percent_ = 0;
  std::size_t lookahead_frames_ = 0;
  std::unique_ptr<std::byte[]> state_;
};

}  // namespace sonicrtc
