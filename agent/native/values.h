// Between JavaScript's values and ours.
#pragma once
#include <node_api.h>
#include <string.h>

#include <string>

// Node's own, from libuv: glibc has the names only since 2.32, and hosts may be older.
extern "C" const char* uv_err_name(int error);

inline void ThrowErrno(napi_env env, const char* what, int error) {
  napi_value code, message, object;
  napi_create_string_utf8(env, uv_err_name(-error), NAPI_AUTO_LENGTH, &code);
  std::string text = std::string(what) + ": " + strerror(error);
  napi_create_string_utf8(env, text.c_str(), text.size(), &message);
  napi_create_error(env, code, message, &object);
  napi_throw(env, object);
}

template <typename T>
T* Unwrap(napi_env env, napi_value value) {
  void* data = nullptr;
  napi_get_value_external(env, value, &data);
  return static_cast<T*>(data);
}

inline std::string Text(napi_env env, napi_value value) {
  size_t length = 0;
  napi_get_value_string_utf8(env, value, nullptr, 0, &length);
  std::string text(length, 0);
  napi_get_value_string_utf8(env, value, &text[0], length + 1, &length);
  return text;
}

inline napi_value OneArgument(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  return argument;
}
