// Random numbers that a case number brings back (SplitMix64).
#ifndef SACCADE_TEST_RANDOM_H
#define SACCADE_TEST_RANDOM_H

#include <stdint.h>

typedef struct {
  uint64_t state;
} Random;

static inline uint64_t random_bits(Random *random) {
  uint64_t z = random->state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

// A whole number in [from, to].
static inline int random_int(Random *random, int from, int to) {
  return from + (int)(random_bits(random) % ((uint64_t)((int64_t)to - from) + 1));
}

// True once in `times`.
static inline int random_once(Random *random, int times) { return random_bits(random) % (uint64_t)times == 0; }

// In [-1, 1).
static inline float random_float(Random *random) {
  return (float)((double)(random_bits(random) >> 40) / (1 << 23) - 1.0);
}

// Mostly small, now and then up to `most`: sizes at which tails of vectors and tiles meet.
static inline int random_size(Random *random, int most) {
  static const int steps[] = {1, 4, 9, 17, 33, 70, 140, 300};
  int top = random_once(random, 20) ? most : steps[random_int(random, 0, 7)];
  if (top > most) top = most;
  return random_int(random, random_once(random, 20) ? 0 : most > 0, top);
}

#endif
