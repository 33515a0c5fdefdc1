// What a device does before it sends speech to a model: 48 kHz stereo int16 in, 16 kHz mono int16 out,
// and on stderr who speaks when.   arecord -q -t raw -f S16_LE -r 48000 -c 2 | listen > speech.raw
#include <cmath>
#include <cstdio>
#include <memory>
#include <numeric>
#include <vector>

#include <sonicrtc/uplink.hpp>

// Yours to replace: judges 20 ms of 16 kHz audio at a time. This one hears whatever is louder than -40 dBFS.
class LoudEnough final : public sonicrtc::Detector {
 public:
  sonicrtc::Verdict judge(std::span<const std::int16_t> frame) noexcept override {
    const double energy = std::inner_product(frame.begin(), frame.end(), frame.begin(), 0.0);
    const double rms = std::sqrt(energy / static_cast<double>(frame.size()));
    return rms > 328.0 ? sonicrtc::Verdict::voiced : sonicrtc::Verdict::unvoiced;
  }
  void reset() noexcept override {}
};

int main() {
  constexpr std::size_t block_frames = 960;  // 20 ms; any length gives the same bits
  auto gate = std::make_unique<sonicrtc::SpeechGate>(sonicrtc::GateSettings{.hangover_ms = 800}, std::make_unique<LoudEnough>());
  sonicrtc::Uplink uplink(48000, sonicrtc::Mix::mean, sonicrtc::Quality::standard, std::move(gate));
  sonicrtc::Block block(uplink.max_output_frames(block_frames), uplink.preroll_capacity());
  std::vector<std::int16_t> microphone(block_frames * 2);
  std::size_t written = 0;
  bool speaking = false;
  while (const std::size_t frames = std::fread(microphone.data(), 4, block_frames, stdin)) {
    uplink.push(microphone.data(), frames, block);  // allocates nothing; zeros where nobody speaks
    written += std::fwrite(block.s16(), 2, block.frames(), stdout);
    if (block.gate().speech == speaking) continue;
    speaking = !speaking;
    std::fprintf(stderr, "%.2f s: speech %s, %.0f dBFS\n", static_cast<double>(written) / 16000.0,
                 speaking ? "starts" : "ends", block.level_dbfs());
  }
}
