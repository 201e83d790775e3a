// How fast the core is, alone and beside another member.
#pragma once

namespace memtiers {

// Prints operations a second; asserts nothing.
int PrintSpeed();

}  // namespace memtiers
