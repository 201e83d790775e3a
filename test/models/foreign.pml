/* One host that writes and one that reads only, whose caches know nothing of each other: lines are fetched and thrown out
 * whenever the hardware likes, and the writing host may die with lines that it has not written back. Two slots of two
 * lines, used in turns without waiting for readers; the first names its version, and is good only with a second of the
 * same. */
#define VERSIONS 3
#define LINES 5
#define DIR 0
#define HEAD(slot) (1 + (slot) * 2)
#define REST(slot) (2 + (slot) * 2)

byte memory[LINES];
byte at_writer[LINES];
bool dirty[LINES];
byte at_reader[LINES];
bool cached[LINES];
byte acknowledged;
byte named; /* what the word was, as the writing host sees it */
bool finished;
bool over;

inline write(line, v) { d_step { at_writer[line] = v; dirty[line] = true } }
inline write_back(line) {
  d_step {
    if
    :: dirty[line] -> memory[line] = at_writer[line]; dirty[line] = false; at_writer[line] = 0
    :: else
    fi
  }
}
inline drop(line) { d_step { cached[line] = false; at_reader[line] = 0 } }
inline read(line, into) {
  d_step {
    if
    :: !cached[line] -> at_reader[line] = memory[line]; cached[line] = true
    :: else
    fi;
    into = at_reader[line]
  }
}

#define THROWS_OUT(line) dirty[line] && !over -> write_back(line)
#define FETCHES(line) !cached[line] && !over -> d_step { at_reader[line] = memory[line]; cached[line] = true }

active proctype Caches() {
end:
  do
  :: THROWS_OUT(0)
  :: THROWS_OUT(1)
  :: THROWS_OUT(2)
  :: THROWS_OUT(3)
  :: THROWS_OUT(4)
  :: FETCHES(0)
  :: FETCHES(1)
  :: FETCHES(2)
  :: FETCHES(3)
  :: FETCHES(4)
  od
}

#define MAY_DIE if :: skip :: goto dies fi

active proctype Writer() {
  byte version;
  do
  :: version == VERSIONS -> break
  :: else ->
    version++;
    write(HEAD(version % 2), version);
    write(REST(version % 2), version);
    MAY_DIE;
#ifndef PAYLOAD_NOT_WRITTEN_BACK
    write_back(HEAD(version % 2));
    write_back(REST(version % 2));
#endif
    atomic { named = version; write(DIR, version) };
    MAY_DIE;
#ifndef WORD_NOT_WRITTEN_BACK
    write_back(DIR);
#endif
    acknowledged = version
  od;
  finished = true;
  goto ends;
dies:
  skip;
  d_step { dirty[0] = 0; dirty[1] = 0; dirty[2] = 0; dirty[3] = 0; dirty[4] = 0; finished = true };
ends:
  skip
}

active proctype Reader() {
  byte word, head, rest, tries, at_least;
  bool quiet;
  d_step { at_least = acknowledged; quiet = finished };
  do
  :: tries == 2 -> assert(!quiet); break /* a good value is never refused */
  :: else ->
    tries++;
#ifndef WORD_NOT_DROPPED
    drop(DIR);
#endif
    read(DIR, word);
    if
    :: word == 0 -> assert(at_least == 0); break
    :: else
    fi;
#ifndef PAYLOAD_NOT_DROPPED
    drop(HEAD(word % 2));
#endif
    read(HEAD(word % 2), head);
#ifndef PAYLOAD_NOT_DROPPED
    drop(REST(word % 2));
#endif
    read(REST(word % 2), rest);
    if
#ifndef VERSION_NOT_COMPARED
    :: head != word -> skip
#endif
#ifndef SUM_NOT_COMPARED
    :: rest != head -> skip
#endif
    :: else ->
      assert(rest == head);     /* whole */
      assert(head <= named);    /* had been published */
      assert(head >= at_least); /* not older than what was acknowledged before the call */
      break
    fi
  od;
  over = true
}
