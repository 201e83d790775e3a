/* A writer who commits and rings, a watcher who asks for the bell, looks and sleeps: with store buffers, without the
 * look now and then that makes up for deaths. A watcher who sleeps for ever beside a change is an invalid end state. */
#define WORD 0
#define WATCHED 1
#define BELL 2

byte memory[3];
byte buffered[2]; /* location + 1 */
byte value[2];
byte seen;

#define WRITER 0
#define WATCHER 1
#define CHANGES 2

inline store(p, at, v) { atomic { buffered[p] == 0 -> buffered[p] = at + 1; value[p] = v } }
inline fence(p) { buffered[p] == 0 }
inline load(p, at, into) {
  d_step {
    if
    :: buffered[p] == at + 1 -> into = value[p]
    :: else -> into = memory[at]
    fi
  }
}

active proctype StoreBuffers() {
end:
  do
  :: atomic { buffered[0] != 0 -> memory[buffered[0] - 1] = value[0]; buffered[0] = 0 }
  :: atomic { buffered[1] != 0 -> memory[buffered[1] - 1] = value[1]; buffered[1] = 0 }
  od
}

inline ring() {
  load(WRITER, WATCHED, watched);
  if
  :: watched == 1 ->
    store(WRITER, WATCHED, 0);
    fence(WRITER);
    memory[BELL] = memory[BELL] + 1
  :: else
  fi
}

active proctype Writer() {
  byte change, watched;
  do
  :: change == CHANGES -> break
  :: else ->
    change++;
#ifdef RING_BEFORE_COMMIT
    ring();
    store(WRITER, WORD, change);
    fence(WRITER);
#else
    store(WRITER, WORD, change);
#ifndef NO_FENCE_BEFORE_LOOKING_WHO_WATCHES
    fence(WRITER);
#endif
    ring();
#endif
  od
}

active proctype Watcher() {
  byte bell;
  do
  :: seen == CHANGES -> break
  :: else ->
#ifndef BELL_READ_AFTER_LOOKING
    load(WATCHER, BELL, bell);
#endif
#ifdef LOOK_BEFORE_ASKING
    load(WATCHER, WORD, seen);
#endif
    store(WATCHER, WATCHED, 1);
#ifndef NO_FENCE_AFTER_ASKING
    fence(WATCHER);
#endif
#ifndef LOOK_BEFORE_ASKING
    load(WATCHER, WORD, seen);
#endif
#ifdef BELL_READ_AFTER_LOOKING
    load(WATCHER, BELL, bell);
#endif
    if
    :: seen == CHANGES
    :: else -> memory[BELL] != bell /* sleeps */
    fi
  od
}
