// Bytes become calls to the core, and what it promises is checked after each.
//
// Built by libFuzzer (preset `fuzz`) it is driven by coverage. Else it has a main of its own:
//   fuzz_core            a thousand seeded random inputs
//   fuzz_core FILE...    these inputs again, for example what libFuzzer found
//
// Memory that the core writes to is allocated to the frame, so that AddressSanitizer sees an overrun.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <numeric>
#include <stdexcept>

#include "check.hpp"
#include "opus_fixture.hpp"
#include "scripted_decoder.hpp"
#include "scripted_detector.hpp"
#include "sonicrtc/echo_detector.hpp"
#include "sonicrtc/energy_detector.hpp"
#include "sonicrtc/jitter.hpp"
#include "sonicrtc/playout.hpp"
#include "sonicrtc/resampler.hpp"
#include "sonicrtc/uplink.hpp"

namespace {

using namespace sonicrtc;

constexpr std::size_t kMaxFrames = 200'000;  // pushed by one input, so that each one is quick

/// What is left of the input; zeros when it has ended.
class Bytes {
 public:
  explicit Bytes(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

  unsigned byte() {
    if (bytes_.empty()) return 0;
    const unsigned first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }

  template <typename T, std::size_t n>
  T one_of(const T (&values)[n]) {
    return values[byte() % n];
  }

  /// From `low` to `high`, and now and then outside of them.
  int around(int low, int high) {
    const int value = static_cast<int>(byte() << 8U | byte());
    return low - 2 + value % (high - low + 5);
  }

  std::size_t length() {
    const std::size_t value = byte();
    switch (value % 4) {
      case 0: return value / 4;
      case 1: return 160 * (value / 4);
      case 2: return value / 4 * 256 + byte();
      default: return 480;
    }
  }

  /// Noise, silence, a square wave of full scale, or samples from the input itself.
  std::vector<std::int16_t> audio(std::size_t samples) {
    const unsigned kind = byte();
    std::vector<std::int16_t> result(samples);
    std::minstd_rand random(kind + 1);
    for (std::size_t i = 0; i < samples; ++i) {
      switch (kind % 4) {
        case 0: result[i] = static_cast<std::int16_t>(random()); break;
        case 1: break;
        case 2: result[i] = i / (kind / 4 + 1) % 2 == 0 ? std::int16_t{32767} : std::int16_t{-32768}; break;
        default: result[i] = static_cast<std::int16_t>(byte() << 8U | byte());
      }
    }
    return result;
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

constexpr int kSomeRatesHz[] = {8000, 16000, 24000, 44100, 48000, 48000, 24000, 11025, 0, -1};
constexpr Mix kMixes[] = {Mix::mean, Mix::mono, Mix::left, Mix::right};
constexpr Quality kQualities[] = {Quality::standard, Quality::hq, Quality::low_latency};

/// Makes a T, or checks that the arguments were refused for a reason.
template <typename Make>
auto made(bool valid, Make make) -> decltype(make()) {
  try {
    auto result = make();
    CHECK(valid);
    return result;
  } catch (const std::invalid_argument&) {
    CHECK(!valid);
    return nullptr;
  }
}

std::size_t promised(std::size_t frames, int from_hz, int to_hz) {
  const auto from = static_cast<std::size_t>(from_hz);
  return (frames * static_cast<std::size_t>(to_hz) + from - 1) / from;
}

template <typename T>
void append(std::vector<T>& to, const T* from, std::size_t count) {
  to.insert(to.end(), from, from + count);
}

// ---- resampler -------------------------------------------------------------------------------

void fuzz_resampler(Bytes& bytes) {
  const int from = bytes.one_of(kSomeRatesHz);
  const int to = bytes.one_of(kSomeRatesHz);
  const Quality quality = bytes.one_of(kQualities);
  const auto make = [&] { return std::make_unique<Resampler>(from, to, quality); };
  const auto resampler = made(is_known_rate(from) && is_known_rate(to), make);
  if (!resampler) return;
  std::vector<std::int16_t> in, out;
  while (!bytes.empty() && in.size() < kMaxFrames) {
    if (bytes.byte() % 16 == 0) {
      resampler->reset();
      in.clear();
      out.clear();
    }
    const std::size_t needed = resampler->input_frames(bytes.length());
    const auto block = bytes.audio(bytes.byte() % 2 == 0 ? bytes.length() : needed);
    std::vector<std::int16_t> result(resampler->output_frames(block.size()));
    CHECK(resampler->process(block.data(), block.size(), result.data()) == result.size());
    append(in, block.data(), block.size());
    append(out, result.data(), result.size());
    CHECK(out.size() == promised(in.size(), from, to));
  }
  const auto whole = make();
  std::vector<std::int16_t> expected(whole->output_frames(in.size()));
  whole->process(in.data(), in.size(), expected.data());
  CHECK(out == expected);
}

// ---- uplink ----------------------------------------------------------------------------------

bool valid(const GateSettings& s) {
  return 1 <= s.start_n && s.start_n <= 50 && 1 <= s.start_k && s.start_k <= s.start_n && 0 <= s.hangover_ms &&
         s.hangover_ms <= 10000 && 0 <= s.preroll_ms && s.preroll_ms <= 1000 && 0 <= s.withhold_after_ms;
}

struct UplinkArguments {
  int rate_hz;
  int output_rate_hz;
  Mix mix;
  Quality quality;
  bool gated;
  GateSettings settings;
  std::size_t window_frames;  // 0 for the energy detector
  unsigned script;

  [[nodiscard]] bool good() const {
    if (!is_known_rate(rate_hz) || !is_known_rate(output_rate_hz)) return false;
    return !gated || (output_rate_hz == kUplinkRateHz && valid(settings));
  }

  [[nodiscard]] std::unique_ptr<Detector> detector() const {
    if (window_frames == 0) return std::make_unique<EnergyDetector>();
    return std::make_unique<ScriptedDetector>(window_frames, [s = script](int n) {
      const unsigned roll = (static_cast<unsigned>(n) / (s % 7 + 1)) * (s | 1U) % 11;
      return roll == 10 ? Judgement{.verdict = Verdict::failed} : voiced_if(roll < 4);
    });
  }

  [[nodiscard]] std::unique_ptr<Uplink> make() const {
    std::unique_ptr<SpeechGate> gate;
    if (gated) gate = std::make_unique<SpeechGate>(settings, detector());
    return std::make_unique<Uplink>(rate_hz, mix, quality, std::move(gate), output_rate_hz);
  }
};

UplinkArguments uplink_arguments(Bytes& bytes) {
  constexpr GatePolicy policies[] = {GatePolicy::zeros, GatePolicy::withhold, GatePolicy::off};
  constexpr std::size_t windows[] = {320, 160, 480, 0, 1, 512};
  UplinkArguments a{};
  a.rate_hz = bytes.one_of(kSomeRatesHz);
  a.mix = bytes.one_of(kMixes);
  a.quality = bytes.one_of(kQualities);
  a.gated = bytes.byte() % 4 != 0;
  a.output_rate_hz = bytes.byte() % 8 == 0 || !a.gated ? bytes.one_of(kSomeRatesHz) : kUplinkRateHz;
  const bool wild = bytes.byte() % 4 == 0;
  a.settings.start_n = wild ? bytes.around(1, 50) : 1 + static_cast<int>(bytes.byte() % 8);
  a.settings.start_k = wild ? bytes.around(1, 50) : 1;
  a.settings.hangover_ms = wild ? bytes.around(0, 10000) : static_cast<int>(bytes.byte());
  a.settings.preroll_ms = wild ? bytes.around(0, 1000) : static_cast<int>(bytes.byte()) * 2;
  a.settings.withhold_after_ms = wild ? bytes.around(0, 2000) : static_cast<int>(bytes.byte());
  a.settings.policy = bytes.one_of(policies);
  a.window_frames = bytes.one_of(windows);
  a.script = bytes.byte();
  return a;
}

/// What came out of an uplink.
struct Heard {
  std::vector<std::int16_t> s16, preroll;  // the last pre-roll only
  std::vector<float> f32;
  std::size_t withheld = 0;
  bool operator==(const Heard&) const = default;
};

void push(Uplink& uplink, std::span<const std::int16_t> audio, std::size_t channels, Heard& heard) {
  const std::size_t frames = audio.size() / channels;
  const std::size_t expected = uplink.output_frames(frames);
  CHECK(expected <= uplink.max_output_frames(frames));
  Block block(expected, uplink.preroll_capacity());
  uplink.push(audio.data(), frames, block);
  const GateReport& gate = block.gate();
  const auto sent = static_cast<std::ptrdiff_t>(block.frames());
  CHECK(block.frames() + block.withheld_frames() == expected);
  CHECK(block.level_dbfs() >= -120.0 && block.level_dbfs() <= 0.01);
  CHECK(gate.preroll_frames <= uplink.preroll_capacity());
  CHECK(gate.onset >= -1 && gate.onset <= sent && gate.offset >= -1 && gate.offset <= sent);
  CHECK(gate.preroll_frames == 0 || gate.onset >= 0);
  CHECK(std::isnan(gate.score) || (gate.score >= 0.0F && gate.score <= 1.0F));
  for (std::size_t i = 0; i < block.frames(); ++i) {
    CHECK(block.f32()[i] >= -1.0F && block.f32()[i] < 1.0F);
    CHECK(block.s16()[i] == static_cast<std::int16_t>(std::nearbyint(block.f32()[i] * 32768.0F)));
  }
  append(heard.s16, block.s16(), block.frames());
  append(heard.f32, block.f32(), block.frames());
  heard.withheld += block.withheld_frames();
  if (gate.onset >= 0) heard.preroll.assign(block.preroll(), block.preroll() + gate.preroll_frames);
}

void fuzz_uplink(Bytes& bytes) {
  const UplinkArguments arguments = uplink_arguments(bytes);
  const auto uplink = made(arguments.good(), [&] { return arguments.make(); });
  if (!uplink) return;
  const std::size_t channels = channels_of(arguments.mix);
  std::vector<std::int16_t> in;
  Heard heard;
  while (!bytes.empty() && in.size() < kMaxFrames) {
    if (bytes.byte() % 16 == 0) {
      uplink->reset();
      in.clear();
      heard = {};
    }
    const auto audio = bytes.audio(bytes.length() * channels);
    append(in, audio.data(), audio.size());
    push(*uplink, audio, channels, heard);
    CHECK(heard.s16.size() + heard.withheld == promised(in.size() / channels, arguments.rate_hz, arguments.output_rate_hz));
  }
  Heard at_once;
  push(*arguments.make(), in, channels, at_once);
  CHECK(heard == at_once);
}

// ---- playout ---------------------------------------------------------------------------------

void fuzz_playout(Bytes& bytes) {
  const int from = bytes.one_of(kSomeRatesHz);
  const int to = bytes.one_of(kSomeRatesHz);
  const int capacity_ms = bytes.around(100, 3000);
  const bool good = is_known_rate(from) && is_known_rate(to) && capacity_ms >= 100;
  const auto playout = made(good, [&] { return std::make_unique<Playout>(from, to, capacity_ms); });
  if (!playout) return;
  const auto capacity = static_cast<std::size_t>(std::int64_t{from} * capacity_ms / 1000);
  std::uint64_t offered = 0, thrown = 0;
  for (std::size_t work = 0; !bytes.empty() && work < kMaxFrames;) {
    const unsigned operation = bytes.byte();
    if (operation < 100) {
      const auto block = bytes.audio(bytes.length());
      const std::size_t room = capacity - playout->buffered_frames();
      CHECK(playout->push(block.data(), block.size()) == std::min(room, block.size()));
      offered += block.size();
      work += block.size();
    } else if (operation < 200) {
      std::vector<std::int16_t> out(bytes.length());
      playout->pull(out.data(), out.size());
      work += out.size();
    } else if (operation < 225) {
      const std::size_t queued = playout->buffered_frames();
      CHECK(playout->flush() == queued);
      CHECK(playout->buffered_frames() == 0);
      thrown += queued;
    } else if (operation < 235) {
      playout->end();
    } else if (operation < 245) {
      const int gain_db = bytes.around(-60, 0);
      try {
        playout->duck(gain_db);
        CHECK(-60 <= gain_db && gain_db <= 0);
      } catch (const std::invalid_argument&) {
        CHECK(gain_db < -60 || gain_db > 0);
      }
    } else if (operation < 250) {
      playout->unduck();
    } else {
      playout->reset();
      offered = thrown = 0;
      CHECK(playout->underruns() == 0);
    }
    CHECK(playout->buffered_frames() <= capacity);
    CHECK(offered == playout->played_frames() + playout->buffered_frames() + playout->dropped_frames() + thrown);
  }
}

// ---- echo detector ---------------------------------------------------------------------------

void fuzz_echo_detector(Bytes& bytes) {
  const int played_hz = bytes.one_of(kSomeRatesHz);
  const int heard_hz = bytes.one_of(kSomeRatesHz);
  const auto make = [&] { return std::make_unique<EchoDetector>(played_hz, heard_hz); };
  const auto detector = made(is_known_rate(played_hz) && is_known_rate(heard_hz), make);
  if (!detector) return;
  for (std::size_t work = 0; !bytes.empty() && work < kMaxFrames;) {
    const unsigned operation = bytes.byte();
    const auto block = bytes.audio(bytes.length());
    work += block.size();
    if (operation < 120) {
      detector->played(block.data(), block.size());
    } else if (operation < 250) {
      CHECK(detector->heard(block.data(), block.size()) == detector->echo());
    } else {
      detector->reset();
      CHECK(!detector->echo());
    }
    CHECK(detector->coherence() >= 0.0F && detector->coherence() <= 1.0F);
    CHECK(detector->lag_ms() >= -1.0 && detector->lag_ms() <= EchoDetector::kMaxLagMs);
  }
}

// ---- opus ------------------------------------------------------------------------------------

/// The head of a packet: any bytes.
void fuzz_opus_packet(const std::vector<std::uint8_t>& bytes) {
  const OpusPacket packet(bytes);
  CHECK(packet.valid() == (packet.frames(48000) > 0));
  CHECK(packet.valid() || !packet.has_fec());
  CHECK(packet.frames(48000) <= 48U * FrameDecoder::kLongestPacketMs);
  CHECK(packet.frames(48000) == packet.count() * packet.first_frames(48000));
}

/// A stream of packets that were received, broken, lost or made up.
void fuzz_opus(Bytes& bytes) {
  constexpr int rates[] = {16000, 8000, 12000, 24000, 48000};
  const int from = bytes.one_of(rates);
  if (opus_library() == nullptr) return;
  OpusEncoder encoder(opus_library(), from, 6000 + 400 * static_cast<int>(bytes.byte()), 0);
  OpusDecoder decoder(opus_library(), bytes.one_of(rates));
  const auto second = static_cast<std::size_t>(decoder.rate_hz());
  for (std::size_t work = 0; !bytes.empty() && work < kMaxFrames;) {
    const unsigned operation = bytes.byte();
    std::vector<std::uint8_t> packet(operation % 2 == 0 ? OpusEncoder::kMaxPacketBytes : bytes.length());
    if (operation % 2 == 0) {
      CHECK(encoder.set_expected_loss_percent(static_cast<int>(bytes.byte() % 101)));
      const auto audio = bytes.audio(bytes.one_of({10U, 20U, 40U, 60U}) * static_cast<unsigned>(from) / 1000);
      packet.resize(static_cast<std::size_t>(encoder.encode(audio.data(), audio.size(), packet)));
      CHECK(!packet.empty() && decoder.frames(packet) * static_cast<std::size_t>(from) == audio.size() * second);
      for (unsigned broken = operation / 2 % 4; broken > 0; --broken) {
        packet[bytes.byte() % packet.size()] = static_cast<std::uint8_t>(bytes.byte());
      }
    } else {
      for (std::uint8_t& one : packet) one = static_cast<std::uint8_t>(bytes.byte());
    }
    fuzz_opus_packet(packet);
    const std::size_t frames = decoder.frames(packet);
    std::vector<std::int16_t> out(frames);
    if (operation % 3 == 0) CHECK(!decoder.recover(packet, frames, out.data()) || OpusPacket(packet).has_fec());
    if (operation % 5 == 0) {
      std::vector<std::int16_t> made(bytes.length());
      decoder.conceal(made.size(), made.data());
      work += made.size();
    }
    const std::size_t written = decoder.decode(packet, out.data());
    CHECK(written == 0 || written == frames);
    if (operation == 255) decoder.reset();
    work += 2000 + frames;  // coding takes longer than filtering as much
  }
}

// ---- jitter buffer ---------------------------------------------------------------------------

/// A time on a clock that mostly goes on.
double next_time(Bytes& bytes, double at_s) {
  constexpr double kWild[] = {0.0, -1.0, 1e9, 1e300, -1e300, HUGE_VAL, -HUGE_VAL, NAN};
  const unsigned step = bytes.byte();
  return step == 255 ? bytes.one_of(kWild) : step > 240 ? at_s - 0.01 * (step % 8) : at_s + 0.001 * (step % 64);
}

void check_output(const JitterBuffer& buffer, std::uint64_t& given) {
  std::size_t frames = 0;
  for (const Piece& piece : buffer.pieces()) {
    CHECK(piece.frames > 0);
    frames += piece.frames;
  }
  CHECK(frames == buffer.ready().size());
  CHECK(frames <= static_cast<std::size_t>(buffer.rate_hz()) * 112 / 100);
  const auto sum = std::accumulate(buffer.ready().begin(), buffer.ready().end(), 0LL);  // reads each
  CHECK(sum >= -32768LL * static_cast<long long>(frames));
  given += frames;
  const JitterCounters& counters = buffer.counters();
  CHECK(std::accumulate(counters.frames.begin(), counters.frames.end(), std::uint64_t{0}) == given);
  CHECK(counters.late + counters.undecodable + counters.dropped <= counters.received);
  CHECK(!std::isnan(buffer.due_s()));
  CHECK(buffer.hold_ms() >= 0.0 && buffer.hold_ms() <= 120.0 && buffer.target_ms() <= 400.0);
}

void fuzz_jitter(Bytes& bytes) {
  constexpr int rates[] = {8000, 12000, 16000, 24000, 48000, 44100, 0};
  const int rate_hz = bytes.one_of(rates);
  const unsigned choice = bytes.byte();
  const JitterOptions options{.mode = choice % 2 == 0 ? JitterMode::arrival : JitterMode::playout,
                              .interpolates = choice % 4 < 2};
  const auto buffer = made(rate_hz > 0 && rate_hz != 44100, [&] {
    return std::make_unique<JitterBuffer>(std::make_unique<ScriptedDecoder>(rate_hz), options);
  });
  if (!buffer) return;
  std::uint64_t given = 0;
  double at_s = 0.0;
  unsigned sequence = bytes.byte() << 8U, timestamp = bytes.byte() << 24U;
  while (!bytes.empty() && given < kMaxFrames) {
    const unsigned operation = bytes.byte();
    at_s = next_time(bytes, std::isfinite(at_s) ? at_s : 0.0);
    if (operation < 60) {
      buffer->advance(at_s);
    } else if (operation < 250) {
      const unsigned kind = bytes.byte();
      const unsigned ahead = kind < 200 ? 1 : kind < 240 ? kind % 8 - 3 : bytes.byte() << 8U | bytes.byte();
      sequence += ahead;
      timestamp += kind < 240 ? 960 * ahead : bytes.byte() << 24U | bytes.byte() << 16U | bytes.byte();
      std::vector<std::uint8_t> payload(bytes.byte() % 8 == 7 ? 400 * (bytes.byte() % 32) : bytes.byte() % 5);
      for (std::uint8_t& byte : payload) byte = 8;
      for (std::size_t i = 0; i < std::min<std::size_t>(payload.size(), 3); ++i) {
        payload[i] = static_cast<std::uint8_t>(i == 0 && kind % 4 != 0 ? 0x88U : bytes.byte());
      }
      buffer->push(payload, static_cast<std::uint16_t>(sequence), timestamp, kind % 16 == 0, at_s);
    } else {
      buffer->reset();
      given = 0;
    }
    check_output(*buffer, given);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(std::span(data, size));
  switch (bytes.byte() % 6) {
    case 0: fuzz_resampler(bytes); break;
    case 1: fuzz_uplink(bytes); break;
    case 2: fuzz_echo_detector(bytes); break;
    case 3: fuzz_opus(bytes); break;
    case 4: fuzz_jitter(bytes); break;
    default: fuzz_playout(bytes);
  }
  return 0;
}

#ifndef SONICRTC_LIBFUZZER

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    std::ifstream file(arguments[i], std::ios::binary);
    CHECK(file.is_open());
    const std::vector<char> input(std::istreambuf_iterator<char>(file), {});
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  }
  if (count > 1) return 0;
  std::mt19937 random(40);
  for (int run = 0; run < 1000; ++run) {
    std::vector<std::uint8_t> input(random() % 200);
    for (std::uint8_t& byte : input) byte = static_cast<std::uint8_t>(random());
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
}

#endif
