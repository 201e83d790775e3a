/* Adds to a 64-bit word of a shared device from several threads, beside others who do the same in
 * other processes or machines. Usage: add-together DEVICE BYTE_OFFSET THREADS ADDS PARTIES, where
 * PARTIES is the number of threads in all: nobody begins before everybody is there. The word is at
 * the offset and counts up; one that counts arrivals is 64 bytes behind it; both begin as 0. Prints
 * how many additions of others came between the first and the last of a thread, at most. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { kMaxThreads = 16, kChunk = 2 << 20 };

static _Atomic uint64_t* word;
static _Atomic uint64_t* arrived;
static uint64_t adds;
static uint64_t parties;

static void* Add(void* between) {
  atomic_fetch_add(arrived, 1);
  while (atomic_load(arrived) < parties) sched_yield();
  const uint64_t first = atomic_fetch_add(word, 1);
  for (uint64_t i = 2; i < adds; ++i) atomic_fetch_add(word, 1);
  const uint64_t last = atomic_fetch_add(word, 1);
  *(uint64_t*)between = last - first - (adds - 1);
  return NULL;
}

int main(int argc, char** argv) {
  pthread_t threads[kMaxThreads];
  uint64_t between[kMaxThreads];
  if (argc != 6) return 2;
  const off_t offset = strtoll(argv[2], NULL, 10);
  const int count = atoi(argv[3]);
  adds = strtoull(argv[4], NULL, 10);
  parties = strtoull(argv[5], NULL, 10);
  if (count < 1 || count > kMaxThreads || adds < 2) return 2;
  const int device = open(argv[1], O_RDWR);
  if (device < 0) return perror(argv[1]), 1;
  /* A device maps whole multiples of its alignment only. */
  char* chunk =
      mmap(NULL, kChunk, PROT_READ | PROT_WRITE, MAP_SHARED, device, offset / kChunk * kChunk);
  if (chunk == MAP_FAILED) return perror("mmap"), 1;
  word = (_Atomic uint64_t*)(chunk + offset % kChunk);
  arrived = word + 8;
  for (int i = 0; i < count; ++i) {
    if (pthread_create(&threads[i], NULL, Add, &between[i]) != 0) return perror("thread"), 1;
  }
  uint64_t most = 0;
  for (int i = 0; i < count; ++i) {
    pthread_join(threads[i], NULL);
    if (between[i] > most) most = between[i];
  }
  printf("%llu\n", (unsigned long long)most);
  return 0;
}
