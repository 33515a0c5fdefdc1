// Replaces the global allocator to count what a block and what an object costs.
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

#include "check.hpp"
#include "opus_fixture.hpp"
#include "scripted_decoder.hpp"
#include "scripted_detector.hpp"
#include "sonicrtc/echo_detector.hpp"
#include "sonicrtc/energy_detector.hpp"
#include "sonicrtc/jitter.hpp"
#include "sonicrtc/opus.hpp"
#include "sonicrtc/playout.hpp"
#include "sonicrtc/uplink.hpp"

namespace {
std::size_t allocations = 0;
std::size_t allocated_bytes = 0;
}

// Inlined, the pairs below look to GCC as if free() met memory of operator new.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

void* operator new(std::size_t size) {
  ++allocations;
  allocated_bytes += size;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
// A sanitizer brings an array form of its own, which does not come by the one above.
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace sonicrtc;

void the_counter_counts() {
  const std::size_t before = allocations;
  const std::vector<int> some(10);
  const auto more = std::make_unique<int[]>(10);
  CHECK(some.size() == 10 && more[9] == 0);
  CHECK(allocations == before + 2);
}

void uplink_blocks_allocate_nothing(std::unique_ptr<Detector> detector) {
  const GateSettings settings{.hangover_ms = 20, .policy = GatePolicy::withhold, .withhold_after_ms = 10};
  auto gate = std::make_unique<SpeechGate>(settings, std::move(detector));
  Uplink uplink(48000, Mix::mean, Quality::standard, std::move(gate));
  Block block(uplink.max_output_frames(5000), uplink.preroll_capacity());
  const auto in = noise(10000, 30);
  const std::size_t before = allocations;
  for (const std::size_t frames : {960U, 0U, 1U, 5000U, 480U}) {
    for (int i = 0; i < 20; ++i) uplink.push(in.data(), frames, block);
  }
  CHECK(allocations == before);
}

void a_gated_block_allocates_nothing() {
  uplink_blocks_allocate_nothing(std::make_unique<ScriptedDetector>(320, [](int n) { return voiced_if(n % 5 < 3); }));
}

void the_energy_detector_allocates_nothing() {
  static_assert(noexcept(std::declval<EnergyDetector&>().judge({})));
  static_assert(noexcept(std::declval<SpeechGate&>().process({}, {}, {}, {}, {}, std::declval<GateReport&>())));
  uplink_blocks_allocate_nothing(std::make_unique<EnergyDetector>());
}

void the_echo_detector_allocates_nothing() {
  static_assert(noexcept(std::declval<EchoDetector&>().played({}, {})));
  static_assert(noexcept(std::declval<EchoDetector&>().heard({}, {})));
  EchoDetector detector;
  const auto in = noise(5000, 33);
  const std::size_t before = allocations;
  for (const std::size_t frames : {960U, 0U, 1U, 5000U, 320U}) {
    detector.played(in.data(), frames);
    detector.heard(in.data(), frames);
  }
  detector.reset();
  CHECK(allocations == before);
}

void opus_allocates_nothing() {
  static_assert(noexcept(std::declval<OpusEncoder&>().encode({}, {}, {})));
  static_assert(noexcept(std::declval<FrameDecoder&>().decode({}, {})));
  OpusEncoder encoder(opus_library());
  OpusDecoder decoder(opus_library());
  const auto in = voice(24000, 1.0);
  std::vector<std::uint8_t> packet(OpusEncoder::kMaxPacketBytes);
  std::vector<std::int16_t> out(16 * FrameDecoder::kLongestPacketMs);
  const std::size_t before = allocations;
  for (std::size_t i = 0; i < 50; ++i) {
    CHECK(encoder.set_expected_loss_percent(i % 2 == 0 ? 10 : 0) && encoder.set_bitrate(24000 + static_cast<int>(i)));
    const int bytes = encoder.encode(&in[480 * i], 480, packet);
    const std::span sent(packet.data(), static_cast<std::size_t>(bytes));
    CHECK(decoder.frames(sent) == 320);
    if (!decoder.recover(sent, 320, out.data())) decoder.conceal(320, out.data());
    CHECK(decoder.decode(sent, out.data()) == 320);
  }
  encoder.reset();
  decoder.reset();
  CHECK(allocations == before);
}

void a_jitter_buffer_allocates_nothing() {
  static_assert(noexcept(std::declval<JitterBuffer&>().push({}, {}, {}, {}, {})));
  static_assert(noexcept(std::declval<JitterBuffer&>().advance({})));
  for (const JitterMode mode : {JitterMode::arrival, JitterMode::playout}) {
    JitterBuffer buffer(std::make_unique<ScriptedDecoder>(16000), {.mode = mode, .interpolates = true});
    std::vector<std::uint8_t> packet = ScriptedDecoder::packet(7);
    packet.resize(800);  // so that the room for payloads is filled and cleared again
    std::mt19937 random(34);
    const std::size_t before = allocations;
    for (unsigned i = 0; i < 3000; ++i) {
      const unsigned number = i + random() % 4;
      buffer.push(packet, static_cast<std::uint16_t>(number), 960 * number, false, 0.02 * i);
      buffer.advance(0.02 * i + 0.01);
      if (i % 500 == 0) buffer.push(packet, static_cast<std::uint16_t>(random()), 0, false, 0.02 * i);
    }
    buffer.reset();
    CHECK(allocations == before);
  }
}

void playout_takes_memory_by_the_second_and_gives_it_back_to_its_pool() {
  Playout playout(24000, 48000, 60000);
  const auto in = noise(24000, 31);
  std::vector<std::int16_t> out(48000);
  playout.push(in.data(), 24000);
  playout.pull(out.data(), 48000);
  const std::size_t before = allocations;
  for (int second = 0; second < 10; ++second) {
    for (int i = 0; i < 50; ++i) {
      playout.push(in.data(), 480);
      playout.pull(out.data(), 960);
    }
    playout.flush();
  }
  CHECK(allocations <= before + 1);  // a queue that is never empty may reach into a second segment
}

void a_drained_playout_keeps_one_segment() {
  Playout playout(24000, 48000, 60000);
  const auto in = noise(24000 * 10, 32);
  std::vector<std::int16_t> out(48000 * 11);
  playout.push(in.data(), in.size());
  playout.pull(out.data(), out.size());
  const std::size_t before = allocations;
  playout.push(in.data(), in.size());
  CHECK(allocations >= before + 9);  // all but the one that was kept had been given back
}

template <typename Make>
std::size_t bytes_of(const char* what, Make make) {
  make();  // the filter is designed once per process
  const std::size_t before = allocated_bytes;
  const auto object = make();
  const std::size_t bytes = sizeof(object) + allocated_bytes - before;
  std::printf("  %-50s %6zu bytes\n", what, bytes);
  return bytes;
}

// What docs/embedded.md says of memory.
void objects_are_small() {
  const auto uplink = [](Quality quality) { return [=] { return Uplink(48000, Mix::mean, quality, nullptr); }; };
  CHECK(bytes_of("Uplink, 48 kHz, standard", uplink(Quality::standard)) < 20'000);
  CHECK(bytes_of("Uplink, 48 kHz, hq", uplink(Quality::hq)) < 20'000);
  CHECK(bytes_of("SpeechGate, 300 ms of pre-roll", [] {
          return SpeechGate({}, std::make_unique<EnergyDetector>());
        }) < 16'000);
  CHECK(bytes_of("Block of 20 ms with 300 ms of pre-roll", [] { return Block(320, 4800); }) < 16'000);
  CHECK(bytes_of("Playout, 24 to 48 kHz, empty", [] { return Playout(24000, 48000, 60000); }) < 50'000);
  CHECK(bytes_of("EchoDetector, 48 and 16 kHz", [] { return EchoDetector(); }) < 140'000);
  const auto jitter = [](JitterMode mode) {
    return [=] {
      return JitterBuffer(std::make_unique<ScriptedDecoder>(16000), {.mode = mode, .interpolates = true});
    };
  };
  CHECK(bytes_of("JitterBuffer, 16 kHz", jitter(JitterMode::arrival)) < 120'000);
  CHECK(bytes_of("JitterBuffer, 16 kHz, playout clock", jitter(JitterMode::playout)) < 160'000);
  CHECK(bytes_of("Playout that holds up to a second", [second = std::vector<std::int16_t>(24000)] {
          Playout playout(24000, 48000, 60000);
          playout.push(second.data(), second.size());
          return playout;
        }) < 50'000 + 48'000);
}

void opus_objects_are_small() {
  CHECK(bytes_of("OpusEncoder, 24 kHz", [] { return OpusEncoder(opus_library()); }) < 100'000);
  CHECK(bytes_of("OpusDecoder, 16 kHz", [] { return OpusDecoder(opus_library()); }) < 60'000);
}

}  // namespace

int main() {
  const Case cases[] = {
      {"the counter counts", the_counter_counts},
      {"a gated block allocates nothing", a_gated_block_allocates_nothing},
      {"the energy detector allocates nothing", the_energy_detector_allocates_nothing},
      {"the echo detector allocates nothing", the_echo_detector_allocates_nothing},
      {"a jitter buffer allocates nothing", a_jitter_buffer_allocates_nothing},
      {"playout reuses its segments", playout_takes_memory_by_the_second_and_gives_it_back_to_its_pool},
      {"a drained playout keeps one segment", a_drained_playout_keeps_one_segment},
      {"objects are small", objects_are_small},
  };
  const Case with_libopus[] = {
      {"Opus allocates nothing", opus_allocates_nothing},
      {"objects of Opus are small", opus_objects_are_small},
  };
  run_all(cases);
  return opus_library() == nullptr ? 0 : run_all(with_libopus);
}
