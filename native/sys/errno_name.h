// Names and descriptions of errno values, from glibc's thread-safe tables (2.32).
#pragma once

#include <string>

namespace memtiers {

// E.g. "EBUSY"; "errno 4711" for a number the C library does not know.
std::string ErrnoName(int error);

// E.g. "Device or resource busy".
std::string ErrnoText(int error);

}  // namespace memtiers
