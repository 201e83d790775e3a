// The pool with one of its rules broken, and who notices.
#pragma once

#include <string>

namespace memtiers {

// Loses a random while, mostly none, as a process does that is not alone on its CPU.
void DelayAtRandom();

// Breaks each rule in turn whose name has a word in it, prints which harness noticed it, and
// returns 0 if each was noticed.
int RunMutants(const std::string& word);

}  // namespace memtiers
