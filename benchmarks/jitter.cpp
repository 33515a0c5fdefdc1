// What the jitter buffer costs per packet without a codec. A target of the native tests, built by every preset:
//   build/native/tests/native/bench_jitter
//
// Each packet is followed by what a timer would call; the traces are those of tests/native/test_jitter_traces.cpp.
// Process CPU time, the least of five passes.
#include <array>
#include <ctime>

#include "../tests/native/network_traces.hpp"
#include "sonicrtc/jitter.hpp"

namespace {

using namespace sonicrtc;

class NoDecoder final : public FrameDecoder {
 public:
  [[nodiscard]] std::size_t frames(std::span<const std::uint8_t>) const noexcept override { return 320; }
  std::size_t decode(std::span<const std::uint8_t>, std::int16_t*) noexcept override { return 320; }
  bool recover(std::span<const std::uint8_t>, std::size_t, std::int16_t*) noexcept override { return true; }
  void conceal(std::size_t, std::int16_t*) noexcept override {}
  [[nodiscard]] int rate_hz() const noexcept override { return 16000; }
  void reset() noexcept override {}
};

double pass_us(const Trace& trace, JitterMode mode) {
  JitterBuffer buffer(std::make_unique<NoDecoder>(), {.mode = mode});
  const std::array<std::uint8_t, 80> payload{};
  const std::clock_t begin = std::clock();
  for (const Flight& flight : trace) {
    while (buffer.due_s() * 1000.0 <= flight.at_ms) buffer.advance(buffer.due_s());
    buffer.push(payload, static_cast<std::uint16_t>(flight.number), 960 * flight.number, false, flight.at_ms / 1000.0);
  }
  const double us = 1e6 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  return us / static_cast<double>(trace.size());
}

void measure(const char* name, const Trace& trace) {
  std::printf("%-28s", name);
  for (const JitterMode mode : {JitterMode::arrival, JitterMode::playout}) {
    double least = pass_us(trace, mode);
    for (int i = 0; i < 4; ++i) least = std::min(least, pass_us(trace, mode));
    std::printf("  %.3f", least);
  }
  std::printf("\n");
}

}  // namespace

int main() {
  constexpr unsigned kPackets = 200'000;
  std::printf("us per packet                 arrival  playout\n");
  Network network(1);
  measure("clean", arrivals(network.speech(kPackets)));
  Trace lossy = network.speech(kPackets);
  network.lose(lossy, 0.05);
  measure("5 % lost", arrivals(lossy));
  Trace reordered = network.speech(kPackets);
  network.delay(reordered, 120.0, false);
  measure("0 to 120 ms, reordering", arrivals(reordered));
  Trace stalled = network.speech(kPackets);
  network.stall(stalled);
  measure("stalls", arrivals(stalled));
}
