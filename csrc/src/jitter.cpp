#include "sonicrtc/jitter.hpp"

#include <utility>

#include "sonicrtc/jitter_engine.hpp"

namespace sonicrtc {
namespace {

std::unique_ptr<JitterEngine> engine(std::unique_ptr<FrameDecoder> decoder, JitterOptions options) {
  if (options.mode == JitterMode::playout) return std::make_unique<PlayoutEngine>(std::move(decoder));
  return std::make_unique<ArrivalEngine>(std::move(decoder), options.interpolates);
}

}  // namespace

JitterBuffer::JitterBuffer(std::unique_ptr<FrameDecoder> decoder, JitterOptions options)
    : engine_(engine(std::move(decoder), options)) {}
JitterBuffer::JitterBuffer(JitterBuffer&&) noexcept = default;
JitterBuffer& JitterBuffer::operator=(JitterBuffer&&) noexcept = default;
JitterBuffer::~JitterBuffer() = default;

void JitterBuffer::push(std::span<const std::uint8_t> payload, std::uint16_t sequence_number, std::uint32_t timestamp,
                        bool marker, double at_s) noexcept {
  engine_->push(payload, sequence_number, timestamp, marker, at_s);
}
void JitterBuffer::advance(double at_s) noexcept { engine_->advance(at_s); }
double JitterBuffer::due_s() const noexcept { return engine_->due_s(); }
std::span<const std::int16_t> JitterBuffer::ready() const noexcept { return engine_->ready().samples(); }
std::span<const Piece> JitterBuffer::pieces() const noexcept { return engine_->ready().pieces(); }
const JitterCounters& JitterBuffer::counters() const noexcept { return engine_->counters(); }
const DelayHistogram& JitterBuffer::delays() const noexcept { return engine_->given_delays(); }
double JitterBuffer::hold_ms() const noexcept { return engine_->hold_ms(); }
double JitterBuffer::target_ms() const noexcept { return engine_->target_ms(); }
int JitterBuffer::rate_hz() const noexcept { return engine_->rate_hz(); }
void JitterBuffer::reset() noexcept { engine_->reset(); }

}  // namespace sonicrtc
