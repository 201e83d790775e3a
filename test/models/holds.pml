/* Readers, deletions, sweeps and deaths of one object on memory that is coherent with total store order: every process
 * has a store buffer of one store, which reaches memory when it likes. DIR names object 1 in the one slot there is. */
#define READER 0
#define DELETER 1
#define OWNER 2

#define DIR 0
#define HOLD 1
#define LIVE 2
#define LOCK 3
#define DATA 4

byte memory[5];
byte buffered[3]; /* location + 1 */
byte value[3];
bool dead[3];
bool done[3];
bool recovered[3];
bool freed;

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
inline store_at_once(p, at, v) { atomic { buffered[p] == 0 -> memory[at] = v } } /* read-modify-write */
inline lock(p) { atomic { memory[LOCK] == 0 && buffered[p] == 0 -> memory[LOCK] = p + 1 } }
inline unlock(p) {
  atomic {
    buffered[p] == 0;
    if
    :: memory[LOCK] == p + 1 -> memory[LOCK] = 0
    :: else
    fi
  }
}
#define MAY_DIE if :: skip :: goto dies fi

active proctype StoreBuffers() {
end:
  do
  :: atomic { buffered[0] != 0 -> memory[buffered[0] - 1] = value[0]; buffered[0] = 0 }
  :: atomic { buffered[1] != 0 -> memory[buffered[1] - 1] = value[1]; buffered[1] = 0 }
  :: atomic { buffered[2] != 0 -> memory[buffered[2] - 1] = value[2]; buffered[2] = 0 }
  od
}

proctype Reader() {
  byte word, data, i;
  do
  :: i == 2 -> break
  :: else ->
    i++;
    load(READER, DIR, word);
    if
    :: word != 1 -> break
    :: else
    fi;
    MAY_DIE;
    store(READER, HOLD, 1);
#ifndef NO_FENCE_AFTER_HOLD
    fence(READER);
#endif
    MAY_DIE;
#ifndef NO_LOOK_AFTER_HOLD
    load(READER, DIR, word);
#endif
    if
    :: word == 1 ->
      load(READER, DATA, data);
      assert(data == 1);
      MAY_DIE;
      load(READER, DATA, data);
      assert(data == 1)
    :: else
    fi;
    store(READER, HOLD, 0)
  od;
  fence(READER);
  done[READER] = true;
  goto ends;
dies:
  dead[READER] = true;
ends:
  skip
}

proctype Deleter() {
  byte word;
  lock(DELETER);
  MAY_DIE;
  load(DELETER, DIR, word);
  if
  :: word == 1 ->
#ifndef UNLINK_BEFORE_CLEAR
    store_at_once(DELETER, LIVE, 0);
    MAY_DIE;
    store(DELETER, DIR, 0);
    fence(DELETER);
#else
    store(DELETER, DIR, 0);
    fence(DELETER);
    MAY_DIE;
    store_at_once(DELETER, LIVE, 0);
#endif
    MAY_DIE
  :: else
  fi;
  unlock(DELETER);
  done[DELETER] = true;
  goto ends;
dies:
  dead[DELETER] = true;
ends:
  skip
}

inline sweep() {
  load(OWNER, LIVE, seen);
  if
  :: seen == 0 && !freed ->
    lock(OWNER);
    load(OWNER, DIR, seen);
    if
    :: seen == 1 -> store_at_once(OWNER, LIVE, 1)
    :: else
    fi;
    unlock(OWNER);
#ifdef FREE_WITHOUT_LOOK
    seen = 0;
#endif
    if
    :: seen != 1 ->
      fence(OWNER);
#ifndef FREE_DESPITE_HOLDS
      load(OWNER, HOLD, seen);
#endif
      if
      :: seen != 1 ->
        assert(memory[DIR] != 1);
        store(OWNER, DATA, 2);
        store(OWNER, DIR, 2);
        freed = true
      :: else
      fi
    :: else
    fi
  :: else
  fi
}

proctype Owner() {
  byte seen;
  sweep();
  sweep();
  /* When all are gone the slot is an object's or free. */
  (done[READER] || recovered[READER]) && (done[DELETER] || recovered[DELETER]);
  sweep();
  fence(OWNER);
  assert(freed || (memory[DIR] == 1 && memory[LIVE] == 1));
  done[OWNER] = true
}

inline recover(p) {
#ifndef RECOVERY_KEEPS_LOCKS
  atomic {
    if
    :: memory[LOCK] == p + 1 -> memory[LOCK] = 0
    :: else
    fi
  }
#endif
#ifndef RECOVERY_KEEPS_HOLDS
  if
  :: p == READER -> memory[HOLD] = 0
  :: else
  fi;
#endif
  recovered[p] = true
}

active proctype Recoverer() {
end:
  do
#ifdef RECOVERS_THE_LIVING
  :: !recovered[READER] && !done[READER] -> recover(READER)
#else
  :: dead[READER] && !recovered[READER] && buffered[READER] == 0 -> recover(READER)
#endif
  :: dead[DELETER] && !recovered[DELETER] && buffered[DELETER] == 0 -> recover(DELETER)
  od
}

init {
  memory[DIR] = 1;
  memory[LIVE] = 1;
  memory[DATA] = 1;
  atomic {
    run Reader();
    run Deleter();
    run Owner()
  }
}
