// One function per concept; module.cpp calls them in order.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "sonicrtc/filters.hpp"

namespace sonicrtc::bindings {

void register_uplink(pybind11::module_& m);
void register_playout(pybind11::module_& m);
void register_resampler(pybind11::module_& m);

/// Raises ValueError for another name than "default" or "high".
Quality parse_quality(const std::string& name);

}  // namespace sonicrtc::bindings
