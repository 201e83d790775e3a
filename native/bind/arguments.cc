#include "bind/arguments.h"

#include "bind/errors.h"

namespace memtiers {

void ThrowInvalid(Napi::Env env, const char* name, const std::string& expected) {
  throw ToError(env, Status(Code::kInvalid, std::string(name) + " must be " + expected));
}

uint64_t ToUnsigned(Napi::Value value, const char* name, uint64_t max) {
  const std::string expected = "a whole number from 0 to " + std::to_string(max);
  if (!value.IsNumber()) ThrowInvalid(value.Env(), name, expected);
  const double number = value.As<Napi::Number>().DoubleValue();
  // Written so that NaN fails. Limits here are far below 2^53, so the conversions are exact.
  if (!(number >= 0 && number <= static_cast<double>(max))) {
    ThrowInvalid(value.Env(), name, expected);
  }
  const auto whole = static_cast<uint64_t>(number);
  if (static_cast<double>(whole) != number) ThrowInvalid(value.Env(), name, expected);
  return whole;
}

std::string ToText(Napi::Value value, const char* name) {
  if (!value.IsString()) ThrowInvalid(value.Env(), name, "a string");
  std::string text = value.As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos) {
    ThrowInvalid(value.Env(), name, "a string without null characters");
  }
  return text;
}

Napi::Object ToObject(Napi::Value value, const char* name) {
  if (!value.IsObject()) ThrowInvalid(value.Env(), name, "an object");
  return value.As<Napi::Object>();
}

}  // namespace memtiers
