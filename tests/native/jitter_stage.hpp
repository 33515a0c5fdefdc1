// A jitter buffer whose output can be read.
#pragma once

#include <string>

#include "check.hpp"
#include "scripted_decoder.hpp"
#include "sonicrtc/jitter.hpp"

/// What is special about a packet.
struct Sent {
  unsigned ms = 20;
  bool fec = true;
  bool marker = false;
  bool mark = false;    // of a pause
  bool broken = false;
  double media = -1.0;  // ms; 20 for each number, if none is given
  int sequence = -1;    // the number, if none is given
};

/// Sends packets to a buffer and writes down what comes out, a word for 20 ms and for what a packet gives less or more
/// than that: `7` is packet 7, `~7` packet 7 restored from the FEC of the next, `?` made up for a lost one, `.` comfort
/// noise. `7/60` lasts 60 ms.
class Stage {
 public:
  explicit Stage(sonicrtc::JitterMode mode = sonicrtc::JitterMode::arrival, int rate_hz = 8000)
      : buffer(std::make_unique<ScriptedDecoder>(rate_hz), {.mode = mode}) {}

  Stage& send(unsigned number, double at_ms, Sent how = {}) {
    const double media = how.media < 0 ? 20.0 * number : how.media;
    auto payload = how.mark ? ScriptedDecoder::mark(how.ms) : ScriptedDecoder::packet(number, how.ms, how.fec);
    if (how.broken) payload.push_back(0);
    const int sequence = how.sequence < 0 ? static_cast<int>(number) : how.sequence;
    buffer.push(payload, static_cast<std::uint16_t>(sequence + first_sequence),
                static_cast<std::uint32_t>(static_cast<std::int64_t>(media * 48.0) + first_timestamp), how.marker,
                at_ms / 1000.0);
    write();
    return *this;
  }

  /// Numbers `from` to `to`, each when it was spoken.
  Stage& talk(unsigned from, unsigned to) {
    for (unsigned number = from; number <= to; ++number) send(number, 20.0 * number);
    return *this;
  }

  Stage& wait(double until_ms) {
    buffer.advance(until_ms / 1000.0);
    write();
    return *this;
  }

  /// Calls `advance` whenever it is due, until then.
  Stage& run(double until_ms) {
    while (buffer.due_s() * 1000.0 <= until_ms) wait(std::max(buffer.due_s() * 1000.0, 0.0));
    return wait(until_ms);
  }

  /// What came out since the last call.
  std::string heard() {
    std::string words = text_;
    text_.clear();
    return words.empty() ? words : words.substr(1);
  }

  /// ms of output so far.
  [[nodiscard]] double media_ms() const { return static_cast<double>(all.size()) * 1000.0 / buffer.rate_hz(); }

  [[nodiscard]] std::uint64_t frames(sonicrtc::AudioKind kind) const {
    return buffer.counters().frames[static_cast<std::size_t>(kind)];
  }

  sonicrtc::JitterBuffer buffer;
  std::vector<std::int16_t> all;
  int first_sequence = 1000;
  std::int64_t first_timestamp = 123'456;

 private:
  void write() {
    std::size_t at = 0;
    for (const sonicrtc::Piece& piece : buffer.pieces()) {
      write(piece.kind, buffer.ready().subspan(at, piece.frames));
      at += piece.frames;
    }
    CHECK(at == buffer.ready().size());
    all.insert(all.end(), buffer.ready().begin(), buffer.ready().end());
  }

  void write(sonicrtc::AudioKind kind, std::span<const std::int16_t> samples) {
    const auto ms20 = static_cast<std::size_t>(buffer.rate_hz() / 50);
    while (!samples.empty()) {
      const auto other = std::find_if(samples.begin(), samples.end(), [&](auto s) { return s != samples[0]; });
      auto length = static_cast<std::size_t>(other - samples.begin());
      if (samples[0] < 0) length = std::min(length, ms20);
      text_.append(" ").append(name(kind, samples[0]));
      if (length != ms20) text_.append("/").append(std::to_string(length * 20 / ms20));
      samples = samples.subspan(length);
    }
  }

  static std::string name(sonicrtc::AudioKind kind, std::int16_t value) {
    using sonicrtc::AudioKind;
    switch (kind) {
      case AudioKind::real: CHECK(value >= 0 && value < ScriptedDecoder::kRestored); return std::to_string(value);
      case AudioKind::fec: CHECK(value >= 9999); return std::string("~").append(std::to_string(value - ScriptedDecoder::kRestored));
      case AudioKind::plc: CHECK(value == ScriptedDecoder::kConcealed); return "?";
      default: CHECK(value == ScriptedDecoder::kConcealed || value == ScriptedDecoder::kMark); return ".";
    }
  }

  std::string text_;
};
