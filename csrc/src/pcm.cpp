#include "sonicrtc/pcm.hpp"

#include <stdexcept>

namespace sonicrtc {

void require_known_rate(int rate_hz, const char* what) {
  if (is_known_rate(rate_hz)) return;
  throw std::invalid_argument(std::string(what) + ": expected 8000, 16000, 24000, 44100 or 48000, got " +
                              std::to_string(rate_hz));
}

}  // namespace sonicrtc
