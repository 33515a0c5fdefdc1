// What a device does before it sends speech to a model: 48 kHz stereo int16 in, 16 kHz mono int16 out,
// and on stderr who speaks when.   arecord -q -t raw -f S16_LE -r 48000 -c 2 | listen > speech.raw
#include <cstdio>
#include <memory>
#include <vector>

#include <sonicrtc/energy_detector.hpp>
#include <sonicrtc/uplink.hpp>

int main() {
  constexpr std::size_t block_frames = 960;  // 20 ms; any length gives the same bits
  const sonicrtc::GateSettings settings{.hangover_ms = 800};
  auto detector = std::make_unique<sonicrtc::EnergyDetector>();  // or your own sonicrtc::Detector
  auto gate = std::make_unique<sonicrtc::SpeechGate>(settings, std::move(detector));
  sonicrtc::Uplink uplink(48000, sonicrtc::Mix::mean, sonicrtc::Quality::standard, std::move(gate));

  // All memory is taken here: push() allocates nothing and throws nothing.
  sonicrtc::Block block(uplink.max_output_frames(block_frames), uplink.preroll_capacity());
  std::vector<std::int16_t> microphone(block_frames * 2);
  std::size_t written = 0;
  bool speaking = false;
  while (const std::size_t frames = std::fread(microphone.data(), 4, block_frames, stdin)) {
    uplink.push(microphone.data(), frames, block);
    // Zeros where nobody speaks. The 300 ms before an onset are in block.preroll().
    written += std::fwrite(block.s16(), 2, block.frames(), stdout);
    if (block.gate().speech == speaking) continue;
    speaking = !speaking;
    std::fprintf(stderr, "%.2f s: speech %s, %.0f dBFS\n", static_cast<double>(written) / 16000.0,
                 speaking ? "starts" : "ends", block.level_dbfs());
  }
}
