#pragma once

// Reads the arguments of an addon function. What does not fit is refused with code 'invalid-input' and the argument's
// name.

#include <napi.h>

#include <cmath>
#include <cstddef>
#include <string>

#include "error.h"

namespace nibble::addon {

[[noreturn]] inline void refuse_argument(const std::string& name, const std::string& problem) {
  throw Error("invalid-input", name + " " + problem);
}

inline std::string string_argument(const Napi::Value& value, const char* name) {
  if (!value.IsString()) refuse_argument(name, "must be a string");
  return value.As<Napi::String>().Utf8Value();
}

inline bool boolean_argument(const Napi::Value& value, const char* name) {
  if (!value.IsBoolean()) refuse_argument(name, "must be a boolean");
  return value.As<Napi::Boolean>().Value();
}

inline double number_argument(const Napi::Value& value, const char* name) {
  if (!value.IsNumber()) refuse_argument(name, "must be a number");
  return value.As<Napi::Number>().DoubleValue();
}

/// A whole number in [least, most].
inline std::size_t size_argument(const Napi::Value& value, const char* name, double least, double most) {
  const double number = number_argument(value, name);
  if (!(number >= least && number <= most) || number != std::floor(number)) {
    refuse_argument(name, "must be a whole number from " + std::to_string(static_cast<long long>(least)) + " to " +
                              std::to_string(static_cast<long long>(most)));
  }
  return static_cast<std::size_t>(number);
}

inline Napi::Object object_argument(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) refuse_argument(name, "must be an object");
  return value.As<Napi::Object>();
}

/// The elements of a typed array of one type. They live as long as the JavaScript object does.
template <typename T>
struct Elements {
  T* data = nullptr;
  std::size_t length = 0;
};

template <typename T>
constexpr napi_typedarray_type typed_array_type();
template <>
constexpr napi_typedarray_type typed_array_type<std::uint8_t>() {
  return napi_uint8_array;
}
template <>
constexpr napi_typedarray_type typed_array_type<std::int8_t>() {
  return napi_int8_array;
}
template <>
constexpr napi_typedarray_type typed_array_type<float>() {
  return napi_float32_array;
}

inline const char* typed_array_name(napi_typedarray_type type) {
  switch (type) {
    case napi_uint8_array:
      return "Uint8Array";
    case napi_int8_array:
      return "Int8Array";
    case napi_float32_array:
      return "Float32Array";
    default:
      return "typed array";
  }
}

template <typename T>
Elements<T> typed_array_argument(const Napi::Value& value, const char* name) {
  const napi_typedarray_type wanted = typed_array_type<T>();
  bool matches = value.IsTypedArray();
  if (matches) {
    const napi_typedarray_type type = value.As<Napi::TypedArray>().TypedArrayType();
    matches = type == wanted;
  }
  if (!matches) refuse_argument(name, std::string("must be a ") + typed_array_name(wanted));
  const auto array = value.As<Napi::TypedArray>();
  if (array.ArrayBuffer().IsDetached()) refuse_argument(name, "is detached: its memory was handed to another thread");
  if (array.ElementLength() == 0) return {};
  auto* start = static_cast<std::uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset();
  return {reinterpret_cast<T*>(start), array.ElementLength()};
}

/// The same, of exactly `length` elements.
template <typename T>
T* typed_array_argument(const Napi::Value& value, const char* name, std::size_t length) {
  const Elements<T> elements = typed_array_argument<T>(value, name);
  if (elements.length != length) {
    refuse_argument(name, "must have " + std::to_string(length) + " elements, not " + std::to_string(elements.length));
  }
  return elements.data;
}

}  // namespace nibble::addon
