// Methods that are called once per block, without pybind11's dispatcher: matching keyword arguments
// there costs as much as filtering the block.
#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <cstddef>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

namespace py = pybind11;

namespace sonicrtc::bindings {

/// Borrowed arguments in the order of their names; null where none was given.
template <std::size_t count>
using Arguments = std::array<PyObject*, count>;

/// The names of a method's arguments as `bind_arguments` compares them; made once per method.
template <typename... Name>
std::array<PyObject*, sizeof...(Name)> interned(Name... names) {
  return {PyUnicode_InternFromString(names)...};
}

/// Sorts the arguments of a METH_FASTCALL | METH_KEYWORDS call. The first `required` must be given.
/// Raises TypeError in Python's own words.
template <std::size_t count>
Arguments<count> bind_arguments(const char* method, const std::array<PyObject*, count>& names, std::size_t required,
                                PyObject* const* values, Py_ssize_t positional, PyObject* keywords) {
  Arguments<count> bound{};
  if (static_cast<std::size_t>(positional) > count) {
    throw py::type_error(std::string(method) + "() takes at most " + std::to_string(count) + " arguments, got " +
                         std::to_string(positional));
  }
  for (Py_ssize_t i = 0; i < positional; ++i) bound[static_cast<std::size_t>(i)] = values[i];
  const Py_ssize_t named = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
  for (Py_ssize_t k = 0; k < named; ++k) {
    PyObject* const name = PyTuple_GET_ITEM(keywords, k);
    std::size_t at = 0;
    while (at < count && name != names[at]) ++at;  // names in a call are interned: the same object
    for (std::size_t i = 0; at == count && i < count; ++i) {
      if (PyUnicode_Compare(name, names[i]) == 0) at = i;
    }
    if (at == count) {
      throw py::type_error(std::string(method) + "() got an unexpected keyword argument '" +
                           py::cast<std::string>(py::handle(name)) + "'");
    }
    if (bound[at] != nullptr) {
      throw py::type_error(std::string(method) + "() got multiple values for argument '" +
                           py::cast<std::string>(py::handle(name)) + "'");
    }
    bound[at] = values[positional + k];
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (bound[i] == nullptr) {
      throw py::type_error(std::string(method) + "() missing required argument '" +
                           py::cast<std::string>(py::handle(names[i])) + "'");
    }
  }
  return bound;
}

/// The C++ object in `object`; null when it is no `T`, or when its __init__ was never called. `T` is bound
/// before the first call: its entry is looked up once, where a cast searches two tables each time.
template <typename T>
T* bound_object(PyObject* object) {
  static const py::detail::type_info* const info = py::detail::get_type_info(typeid(T), true);
  if (!PyObject_TypeCheck(object, info->type)) return nullptr;
  return reinterpret_cast<py::detail::instance*>(object)->get_value_and_holder(info).template value_ptr<T>();
}

/// The same for the `self` of a method; raises TypeError where bound_object() is null.
template <typename T>
T& bound_self(PyObject* self) {
  T* const found = bound_object<T>(self);
  if (found == nullptr) throw py::type_error(std::string(Py_TYPE(self)->tp_name) + ": __init__() was not called");
  return *found;
}

/// Calls `body` and turns C++ exceptions into Python ones, as pybind11 does.
template <typename Body>
PyObject* translated(const Body& body) noexcept {
  try {
    return body();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const py::builtin_exception& error) {
    error.set_error();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::invalid_argument& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

using FastFunction = PyObject* (*)(PyObject* self, PyObject* const* values, Py_ssize_t positional, PyObject* keywords);

/// Describes a method. The first line of its documentation is its signature, from which the stubs are made.
inline PyMethodDef fast_method(const char* name, FastFunction function, const char* documentation) {
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function)), METH_FASTCALL | METH_KEYWORDS,
          documentation};
}

/// Gives `type` the method that `definition` describes; the definition must live for ever.
inline void add_fast_method(const py::object& type, PyMethodDef& definition) {
  PyObject* const method = PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(type.ptr()), &definition);
  if (method == nullptr) throw py::error_already_set();
  type.attr(definition.ml_name) = py::reinterpret_steal<py::object>(method);
}

}  // namespace sonicrtc::bindings
