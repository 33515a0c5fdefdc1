// Two threads with an object each get the bits that one thread gets. Built with the preset `tsan`,
// this also says that they share nothing that changes.
#include <barrier>
#include <functional>
#include <thread>

#include "check.hpp"
#include "network_traces.hpp"
#include "opus_fixture.hpp"
#include "scripted_decoder.hpp"
#include "scripted_detector.hpp"
#include "sonicrtc/energy_detector.hpp"
#include "sonicrtc/filters.hpp"
#include "sonicrtc/jitter.hpp"
#include "sonicrtc/playout.hpp"
#include "sonicrtc/resampler.hpp"
#include "sonicrtc/uplink.hpp"

namespace {

using namespace sonicrtc;

using Samples = std::vector<std::int16_t>;

/// Runs all of them at once, each in its own thread.
void together(const std::vector<std::function<void()>>& works) {
  std::barrier start(static_cast<std::ptrdiff_t>(works.size()));
  std::vector<std::thread> threads;
  for (const auto& work : works) {
    threads.emplace_back([&start, &work] {
      start.arrive_and_wait();
      work();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

/// Two threads do what one thread does afterwards; each seed is another signal.
void two_give_what_one_gives(const std::function<Samples(unsigned seed)>& work) {
  Samples first, second;
  together({[&] { first = work(50); }, [&] { second = work(51); }});
  CHECK(first == work(50));
  CHECK(second == work(51));
}

// Has to run first: afterwards the banks are there.
void one_bank_is_designed_once_whoever_asks() {
  std::vector<const FilterBank*> same(3), other(3);
  const auto ask = [&](std::size_t i) {
    same[i] = &filter_bank(48000, 16000, Quality::standard);
    const Quality qualities[] = {Quality::hq, Quality::standard, Quality::low_latency};
    other[i] = &filter_bank(24000, 48000, qualities[i]);
  };
  together({[&] { ask(0); }, [&] { ask(1); }, [&] { ask(2); }});
  CHECK(same[0] == same[1] && same[1] == same[2]);
  CHECK(other[0] != other[1] && other[1] != other[2]);
  CHECK(other[1] == &filter_bank(24000, 48000, Quality::standard));
}

void two_resamplers() {
  two_give_what_one_gives([](unsigned seed) {
    const auto in = noise(60000, seed);
    Resampler resampler(16000, 24000);  // a bank that nobody has asked for yet
    Samples out(resampler.output_frames(in.size()));
    std::size_t read = 0, written = 0;
    for (const std::size_t length : cuts(in.size(), seed)) {
      written += resampler.process(&in[0] + read, length, &out[0] + written);
      read += length;
    }
    return out;
  });
}

void two_playouts() {
  two_give_what_one_gives([](unsigned seed) {
    const auto in = noise(24000, seed);
    Playout playout(24000, 48000, 2000);
    Samples out(60000);
    std::size_t pulled = 0;
    for (const std::size_t length : cuts(out.size(), seed)) {
      playout.push(in.data(), length / 2);
      playout.pull(&out[0] + pulled, length);
      pulled += length;
      if (length == 961) playout.flush();
      if (length == 479) playout.ducked() ? playout.unduck() : playout.duck(-18.0);
    }
    return out;
  });
}

void two_uplinks(const std::function<std::unique_ptr<Detector>()>& make_detector) {
  two_give_what_one_gives([&](unsigned seed) {
    Uplink uplink(48000, Mix::mean, Quality::standard,
                  std::make_unique<SpeechGate>(GateSettings{.hangover_ms = 40}, make_detector()));
    const auto in = noise(2 * 48000, seed);
    Block block(uplink.max_output_frames(5000), uplink.preroll_capacity());
    Samples out;
    std::size_t read = 0;
    for (const std::size_t length : cuts(48000, seed)) {
      uplink.push(&in[0] + 2 * read, length, block);
      read += length;
      out.insert(out.end(), block.s16(), block.s16() + block.frames());
      out.insert(out.end(), block.preroll(), block.preroll() + block.gate().preroll_frames);
    }
    return out;
  });
}

void two_uplinks_with_a_script() {
  const auto in_bursts = [](int window) { return voiced_if(window % 7 < 3); };
  two_uplinks([&] { return std::make_unique<ScriptedDetector>(320, in_bursts); });
}

void two_uplinks_that_measure_energy() {
  two_uplinks([] { return std::make_unique<EnergyDetector>(20, 0.1F); });
}

void two_codecs_of_one_library() {
  two_give_what_one_gives([](unsigned seed) {
    OpusEncoder encoder(opus_library());
    OpusDecoder decoder(opus_library());
    const auto in = noise(480 * 50, seed, 8000);
    Samples out(320 * 50);
    for (std::size_t i = 0; i < 50; ++i) {
      std::uint8_t packet[OpusEncoder::kMaxPacketBytes];
      const int bytes = encoder.encode(&in[480 * i], 480, packet);
      CHECK(decoder.decode({packet, static_cast<std::size_t>(bytes)}, &out[320 * i]) == 320);
    }
    return out;
  });
}

void two_jitter_buffers() {
  two_give_what_one_gives([](unsigned seed) {
    JitterBuffer buffer(std::make_unique<ScriptedDecoder>(16000));
    Network network(seed);
    Trace trace = network.speech(1000);
    network.delay(trace, 80.0, false);
    network.lose(trace, 0.05);
    Samples out;
    for (const Flight& flight : arrivals(trace)) {
      buffer.push(ScriptedDecoder::packet(flight.number), static_cast<std::uint16_t>(flight.number),
                  960 * flight.number, false, flight.at_ms / 1000.0);
      out.insert(out.end(), buffer.ready().begin(), buffer.ready().end());
    }
    return out;
  });
}

}  // namespace

int main() {
  const Case cases[] = {
      {"one bank is designed once, whoever asks", one_bank_is_designed_once_whoever_asks},
      {"two resamplers give what one gives", two_resamplers},
      {"two jitter buffers give what one gives", two_jitter_buffers},
      {"two playouts give what one gives", two_playouts},
      {"two uplinks with a scripted gate give what one gives", two_uplinks_with_a_script},
      {"two uplinks that measure energy give what one gives", two_uplinks_that_measure_energy},
  };
  const Case with_libopus[] = {{"two encoders and decoders of one libopus give what one gives", two_codecs_of_one_library}};
  run_all(cases);
  return opus_library() == nullptr ? 0 : run_all(with_libopus);
}
