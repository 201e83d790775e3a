#include "sys/errno_name.h"

#include <cstring>

namespace memtiers {

std::string ErrnoName(int error) {
  const char* name = strerrorname_np(error);
  return name == nullptr ? "errno " + std::to_string(error) : name;
}

std::string ErrnoText(int error) {
  const char* text = strerrordesc_np(error);
  return text == nullptr ? "unknown error" : text;
}

}  // namespace memtiers
