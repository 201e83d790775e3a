// Runs a test case in a process of its own, for what ends a process or happens once in it.
#pragma once

namespace memtiers {

// How the child ended, as waitpid tells; -1 when it could not be run. The test case is one that is
// skipped otherwise. A sanitizer in the child leaves SIGBUS to it.
int RunTestCaseInChild(const char* name);

}  // namespace memtiers
