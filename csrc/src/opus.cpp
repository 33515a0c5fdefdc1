#include "sonicrtc/opus.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

namespace sonicrtc {
namespace {

// Numbers of libopus's API, which its ABI fixes (https://opus-codec.org/docs/opus_api-1.5/).
constexpr int kApplicationVoip = 2048;
constexpr int kSetBitrate = 4002;
constexpr int kSetVariableBitrate = 4006;
constexpr int kSetComplexity = 4010;
constexpr int kSetInbandFec = 4012;
constexpr int kSetPacketLossPercent = 4014;
constexpr int kSetDiscontinuous = 4016;
constexpr int kGetLookahead = 4027;
constexpr int kResetState = 4028;

constexpr std::size_t kLongestFrameBytes = 1275;  // R2
constexpr std::size_t kMostQuanta = 48;           // 120 ms, R5

void require_opus_rate(int rate_hz) {
  if (std::ranges::find(kOpusRatesHz, rate_hz) == kOpusRatesHz.end()) {
    throw std::invalid_argument("rate_hz: expected 8000, 12000, 16000, 24000 or 48000, got " + std::to_string(rate_hz));
  }
}

void require_range(const char* name, int value, int low, int high) {
  if (value < low || value > high) {
    throw std::invalid_argument(std::string(name) + ": expected " + std::to_string(low) + " to " +
                                std::to_string(high) + ", got " + std::to_string(value));
  }
}

std::shared_ptr<const OpusLibrary> given(std::shared_ptr<const OpusLibrary> library) {
  if (library == nullptr) throw std::invalid_argument("library: expected an OpusLibrary, got none");
  return library;
}

/// Room for a state of libopus, which then allocates nothing of its own.
std::unique_ptr<std::byte[]> make_state(int bytes) {
  return std::make_unique<std::byte[]>(static_cast<std::size_t>(bytes));
}

/// Section 3.2.1: one byte, or two from 252 on.
std::optional<std::size_t> read_length(std::span<const std::uint8_t>& rest) {
  if (rest.empty()) return std::nullopt;
  std::size_t length = rest[0];
  const std::size_t read = length < 252 ? 1 : 2;
  if (rest.size() < read) return std::nullopt;
  if (read == 2) length += std::size_t{4} * rest[1];
  rest = rest.subspan(read);
  return length;
}

/// Section 3.2.5: takes the lengths of the padding from the front and the padding from the end.
bool drop_padding(std::span<const std::uint8_t>& rest) {
  std::size_t padding = 0;
  for (unsigned byte = 255; byte == 255;) {
    if (rest.empty()) return false;
    byte = rest[0];
    padding += byte == 255 ? 254 : byte;
    rest = rest.subspan(1);
  }
  if (padding > rest.size()) return false;
  rest = rest.first(rest.size() - padding);
  return true;
}

}  // namespace

// ---- packets ---------------------------------------------------------------------------------

/// How many of Opus's frames, and the bytes of the first; no frames when the bytes are no packet.
struct OpusPacket::Content {
  std::size_t count = 0;
  Bytes first;

  static Content equal(std::size_t count, Bytes all) {
    if (all.size() % count != 0 || all.size() / count > kLongestFrameBytes) return {};
    return {count, all.first(all.size() / count)};
  }

  /// All frames but the last say how long they are.
  static Content of_lengths(std::size_t count, Bytes rest) {
    std::size_t first = rest.size();
    std::size_t sum = 0;
    for (std::size_t i = 0; i + 1 < count; ++i) {
      const auto length = read_length(rest);
      if (!length) return {};
      if (i == 0) first = *length;
      sum += *length;
    }
    if (sum > rest.size() || rest.size() - sum > kLongestFrameBytes) return {};
    return {count, rest.first(first)};
  }

  /// Section 3.2.5: a byte says how many frames, and how they are laid out.
  static Content counted(std::size_t quanta, Bytes rest) {
    if (rest.empty()) return {};
    const unsigned head = rest[0];
    const std::size_t count = head & 0x3FU;
    rest = rest.subspan(1);
    if (count == 0 || count * quanta > kMostQuanta) return {};
    if ((head & 0x40U) != 0 && !drop_padding(rest)) return {};
    return (head & 0x80U) != 0 ? of_lengths(count, rest) : equal(count, rest);
  }
};

OpusPacket::OpusPacket(std::span<const std::uint8_t> packet) noexcept {
  static constexpr std::array<std::uint8_t, 4> kSilk{4, 8, 16, 24};
  static constexpr std::array<std::uint8_t, 4> kCelt{1, 2, 4, 8};
  if (packet.empty()) return;
  const unsigned toc = packet[0];
  const unsigned config = toc >> 3U;
  mode_ = config < 12 ? Mode::silk : config < 16 ? Mode::hybrid : Mode::celt;
  quanta_ = mode_ == Mode::silk     ? kSilk[config % 4]
            : mode_ == Mode::hybrid ? kSilk[config % 2]
                                    : kCelt[config % 4];
  stereo_ = (toc & 0x04U) != 0;
  const Bytes rest = packet.subspan(1);
  Content content;
  switch (toc & 0x03U) {
    case 0: content = Content::equal(1, rest); break;
    case 1: content = Content::equal(2, rest); break;
    case 2: content = Content::of_lengths(2, rest); break;
    default: content = Content::counted(quanta_, rest);
  }
  count_ = static_cast<std::uint8_t>(content.count);
  if (count_ == 0 || mode_ == Mode::celt || content.first.empty()) return;
  // Section 4.2.3: SILK's part begins with bits that the range coder leaves as they are. For each channel: one
  // that says "speech" for each 20 ms (or less), then one that says that FEC follows.
  const unsigned bits = content.first[0];
  const unsigned speech_bits = quanta_ <= 8 ? 1 : quanta_ / 8;
  has_fec_ = (bits >> (7 - speech_bits) & 1U) != 0;
  if (stereo_) has_fec_ = has_fec_ || (bits >> (6 - 2 * speech_bits) & 1U) != 0;
}

// ---- library ---------------------------------------------------------------------------------

OpusLibrary::OpusLibrary(const std::string& path) : path_(path), handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (handle_ == nullptr) {
    const char* const reason = dlerror();
    throw std::runtime_error("libopus: cannot load '" + path + "': " + (reason == nullptr ? "no reason given" : reason));
  }
  try {
    load();
  } catch (...) {
    dlclose(handle_);
    throw;
  }
}

OpusLibrary::~OpusLibrary() { dlclose(handle_); }

void OpusLibrary::load() {
  find(call_.version, "opus_get_version_string");
  find(call_.error_text, "opus_strerror");
  find(call_.decoder_size, "opus_decoder_get_size");
  find(call_.decoder_init, "opus_decoder_init");
  find(call_.decoder_ctl, "opus_decoder_ctl");
  find(call_.decode, "opus_decode");
  find(call_.encoder_size, "opus_encoder_get_size");
  find(call_.encoder_init, "opus_encoder_init");
  find(call_.encoder_ctl, "opus_encoder_ctl");
  find(call_.encode, "opus_encode");
  version_ = call_.version();
  Dl_info file{};
  if (dladdr(reinterpret_cast<void*>(call_.version), &file) != 0 && file.dli_fname != nullptr) path_ = file.dli_fname;
}

template <typename Function>
void OpusLibrary::find(Function& function, const char* name) {
  function = reinterpret_cast<Function>(dlsym(handle_, name));
  if (function == nullptr) throw std::runtime_error("libopus: '" + path_ + "' lacks the function " + name);
}

void OpusLibrary::require_done(int result, const char* what) const {
  if (result != 0) {
    throw std::runtime_error("libopus: " + std::string(what) + " failed in '" + path_ + "': " + call_.error_text(result));
  }
}

// ---- decoder ---------------------------------------------------------------------------------

OpusDecoder::OpusDecoder(std::shared_ptr<const OpusLibrary> library, int rate_hz)
    : library_(given(std::move(library))), rate_hz_(rate_hz) {
  require_opus_rate(rate_hz);
  state_ = make_state(library_->call_.decoder_size(1));
  library_->require_done(library_->call_.decoder_init(state_.get(), rate_hz, 1), "making a decoder");
}

std::size_t OpusDecoder::decode(std::span<const std::uint8_t> packet, std::int16_t* out, std::size_t frames,
                                bool fec) noexcept {
  const int written = library_->call_.decode(state_.get(), packet.data(), static_cast<std::int32_t>(packet.size()), out,
                                             static_cast<int>(frames), fec ? 1 : 0);
  return static_cast<std::size_t>(std::max(0, written));
}

std::size_t OpusDecoder::decode(std::span<const std::uint8_t> packet, std::int16_t* out) noexcept {
  const OpusPacket head(packet);
  if (!head.valid()) return 0;
  after_celt_ = head.mode() == OpusPacket::Mode::celt;
  return decode(packet, out, head.frames(rate_hz_), false);
}

bool OpusDecoder::recover(std::span<const std::uint8_t> next, std::size_t frames, std::int16_t* out) noexcept {
  const OpusPacket head(next);
  if (!head.has_fec() || after_celt_) return false;
  if (frames < head.first_frames(rate_hz_) || frames > kMostQuanta * quantum() || frames % quantum() != 0) return false;
  return decode(next, out, frames, true) == frames;
}

void OpusDecoder::conceal(std::size_t frames, std::int16_t* out) noexcept {
  const std::size_t rest = frames % quantum();  // libopus makes up multiples of 2.5 ms
  const std::int16_t* const end = out + (frames - rest);
  while (out != end) {
    const std::size_t step = std::min(static_cast<std::size_t>(end - out), 8 * quantum());
    if (decode({}, out, step, false) != step) std::fill_n(out, step, std::int16_t{0});
    out += step;
  }
  if (rest == 0) return;
  std::array<std::int16_t, 120> last{};  // 2.5 ms at 48 kHz
  static_cast<void>(decode({}, last.data(), quantum(), false));
  std::copy_n(last.data(), rest, out);
}

void OpusDecoder::reset() noexcept {
  library_->call_.decoder_ctl(state_.get(), kResetState);
  after_celt_ = false;
}

// ---- encoder ---------------------------------------------------------------------------------

OpusEncoder::OpusEncoder(std::shared_ptr<const OpusLibrary> library, int rate_hz, int bitrate, int complexity)
    : library_(given(std::move(library))), rate_hz_(rate_hz), complexity_(complexity), bitrate_(bitrate) {
  require_opus_rate(rate_hz);
  require_range("bitrate", bitrate, kLowestBitrate, kHighestBitrate);
  require_range("complexity", complexity, 0, kMostComplex);
  const auto& call = library_->call_;
  state_ = make_state(call.encoder_size(1));
  library_->require_done(call.encoder_init(state_.get(), rate_hz, 1, kApplicationVoip), "making an encoder");
  library_->require_done(set(kSetVariableBitrate, 1), "setting a variable bit rate");
  library_->require_done(set(kSetDiscontinuous, 0), "turning discontinuous transmission off");
  library_->require_done(set(kSetInbandFec, 0), "turning FEC off");
  library_->require_done(set(kSetComplexity, complexity), "setting the complexity");
  library_->require_done(set(kSetBitrate, bitrate), "setting the bit rate");
  std::int32_t lookahead = 0;
  library_->require_done(call.encoder_ctl(state_.get(), kGetLookahead, &lookahead), "asking for the lookahead");
  lookahead_frames_ = static_cast<std::size_t>(lookahead);
}

int OpusEncoder::set(int request, int value) noexcept {
  return library_->call_.encoder_ctl(state_.get(), request, std::int32_t{value});
}

bool OpusEncoder::takes(std::size_t frames) const noexcept {
  const std::size_t ten_ms = static_cast<std::size_t>(rate_hz_) / 100;
  return frames == ten_ms || frames == 2 * ten_ms || frames == 4 * ten_ms || frames == 6 * ten_ms;
}

int OpusEncoder::encode(const std::int16_t* in, std::size_t frames, std::span<std::uint8_t> out) noexcept {
  if (!takes(frames) || out.empty()) return 0;
  const auto room = static_cast<std::int32_t>(std::min(out.size(), kMaxPacketBytes));
  return std::max(0, library_->call_.encode(state_.get(), in, static_cast<int>(frames), out.data(), room));
}

bool OpusEncoder::set_bitrate(int bitrate) noexcept {
  if (bitrate < kLowestBitrate || bitrate > kHighestBitrate || set(kSetBitrate, bitrate) != 0) return false;
  bitrate_ = bitrate;
  return true;
}

bool OpusEncoder::set_expected_loss_percent(int percent) noexcept {
  if (percent < 0 || percent > 100) return false;
  if (set(kSetInbandFec, percent > 0 ? 1 : 0) != 0 || set(kSetPacketLossPercent, percent) != 0) return false;
  expected_loss_percent_ = percent;
  return true;
}

void OpusEncoder::reset() noexcept { library_->call_.encoder_ctl(state_.get(), kResetState); }

}  // namespace sonicrtc
