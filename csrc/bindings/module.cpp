#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "register.hpp"
#include "sonicrtc/kernels.hpp"

// Safe without the GIL: one object is refused to a second thread (busy.hpp), objects share nothing but
// the filters, and tests/native/test_threads.cpp holds that under ThreadSanitizer.
PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
  m.doc() = "The audio core of SonicRTC; import it by sonicrtc.audio.";
  m.attr("__version__") = SONICRTC_VERSION;
  m.def(
      "isa", [] { return std::string(sonicrtc::select_kernels().name); },
      "Instruction set that a new object would use: 'baseline', 'avx2' or 'avx512'.");
  m.def(
      "isas",
      [] {
        std::vector<std::string> names;
        for (const sonicrtc::Kernels* const one : sonicrtc::available_kernels()) names.emplace_back(one->name);
        return names;
      },
      "Instruction sets that this machine can run, slowest first; SONICRTC_ISA chooses one for new objects.");
  sonicrtc::bindings::register_uplink(m);
  sonicrtc::bindings::register_playout(m);
  sonicrtc::bindings::register_resampler(m);
  sonicrtc::bindings::register_echo_detector(m);
  sonicrtc::bindings::register_opus(m);
  sonicrtc::bindings::register_receiver(m);
}
