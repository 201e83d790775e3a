// Two members step by step, one in the middle of what the other does: what chance would take hours
// to find.
//
// Returns whether everything was as it must be.
#pragma once

namespace memtiers {

// Between a reader's first look and his second the object is deleted and its memory given to
// another one.
bool ReaderSurvivesReuse();

// Between the steps of a recovery somebody adopts what is there to be adopted.
bool AdopterFindsWholeRuns();

// Who did not renew in time knows, and nobody is taken over from before.
bool LeasesAreKept();

}  // namespace memtiers
