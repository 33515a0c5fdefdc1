#include <pybind11/pybind11.h>

#include "register.hpp"
#include "sonicrtc/kernels.hpp"

PYBIND11_MODULE(_core, m) {
  m.doc() = "The audio core of SonicRTC; import it by sonicrtc.audio.";
  m.attr("__version__") = SONICRTC_VERSION;
  m.def(
      "isa", [] { return std::string(sonicrtc::select_kernels().name); },
      "Instruction set that a new object would use: 'baseline', 'avx2' or 'avx512'.");
  sonicrtc::bindings::register_uplink(m);
  sonicrtc::bindings::register_playout(m);
  sonicrtc::bindings::register_resampler(m);
}
