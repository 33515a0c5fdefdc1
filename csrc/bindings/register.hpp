// One function per concept; module.cpp calls them in order.
#pragma once

#include <pybind11/pybind11.h>

#include "array_args.hpp"
#include "sonicrtc/filters.hpp"

namespace sonicrtc::bindings {

void register_uplink(pybind11::module_& m);
void register_playout(pybind11::module_& m);
void register_resampler(pybind11::module_& m);
void register_echo_detector(pybind11::module_& m);
void register_opus(pybind11::module_& m);
void register_receiver(pybind11::module_& m);

using QualityName = Named<"typing.Literal['default', 'hq', 'low_latency', 'high']">;

/// Raises ValueError for another name than "default", "hq" (also spelt "high") or "low_latency".
Quality parse_quality(const QualityName& name);

}  // namespace sonicrtc::bindings
