/* A run of three extents whose owner is dead: one recovers him and may die in it, another recovers him anew, two others
 * adopt what they find meanwhile. Whoever has the head must have all of it, or nobody. */
#define EXTENTS 3
#define DEAD 1
#define ORPHAN 2

byte owner[EXTENTS] = DEAD; /* DEAD, ORPHAN, or an adopter */
byte adopted[2];
bool first_gone;
bool all_orphaned;
byte gone;

inline orphan_all() {
  i = 0;
  do
  :: i == EXTENTS -> break
  :: else ->
    atomic {
#ifdef ORPHAN_FROM_THE_HEAD
      at = i;
#else
      at = EXTENTS - 1 - i;
#endif
      if
      :: owner[at] == DEAD -> owner[at] = ORPHAN
      :: else
      fi;
      i++
    };
    if
    :: !first_gone -> goto dies
    :: skip
    fi
  od
}

active proctype FirstRecoverer() {
  byte i, at;
  orphan_all();
dies:
  first_gone = true
}

active proctype SecondRecoverer() {
  byte i, at;
  first_gone;
  orphan_all();
dies:
  all_orphaned = true
}

proctype Adopter(byte self) {
  byte at, from;
  bool last;
again:
  last = all_orphaned;
  at = 0;
#ifdef ADOPT_FROM_THE_MIDDLE
  if
  :: at = 0
  :: at = 1
  fi;
#endif
  from = at;
  do
  :: at == EXTENTS -> break
  :: else ->
    atomic {
      if
      :: owner[at] == ORPHAN -> owner[at] = 10 + self; adopted[self]++; at++
      :: else -> break
      fi
    }
  od;
  if
  :: !last && at == from -> goto again
  :: else
  fi;
  gone++
}

init {
  atomic {
    run Adopter(0);
    run Adopter(1)
  };
  gone == 2;
  assert(adopted[0] == EXTENTS || adopted[1] == EXTENTS)
}
