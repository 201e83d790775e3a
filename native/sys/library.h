// Shared objects opened at run time.
//
// Thread-safe. A library once opened stays open: code of it may run on any thread until the process
// ends.
#pragma once

#include <string>

#include "base/status.h"

namespace memtiers {

// kUnavailable with the loader's own words when the file or something it needs is missing.
Result<void*> OpenLibrary(const std::string& path);

// nullptr when the library has no such symbol.
void* FindSymbol(void* library, const char* name);

// Keeps the shared object (or program) that an address of code belongs to loaded until the process
// ends.
void PinLibraryOf(const void* code);

// Directory of the shared object (or program) this code is linked into.
std::string DirectoryOfThisLibrary();

}  // namespace memtiers
