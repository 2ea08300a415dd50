#include "isa.h"

#include <pthread.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define ISA_X86 1
#include <cpuid.h>
#elif defined(__aarch64__) || defined(__arm64__)
#define ISA_ARM 1
#endif

// The build script defines these for the objects that it links.
#ifdef SACCADE_HAVE_AVX512
#define AVX512_KERNELS &saccade_avx512
#else
#define AVX512_KERNELS 0
#endif
#ifdef SACCADE_HAVE_AVX2
#define AVX2_KERNELS &saccade_avx2
#else
#define AVX2_KERNELS 0
#endif
#ifdef SACCADE_HAVE_NEON
#define NEON_KERNELS &saccade_neon
#else
#define NEON_KERNELS 0
#endif

#ifdef ISA_X86

// Bits of XCR0: the operating system saves these registers.
enum { XCR0_AVX = 0x6, XCR0_AVX512 = 0xe6 };

typedef struct {
  int fma, f16c, avx2, avx512;  // the processor has them
  unsigned xcr0;          // the operating system keeps them
} Cpu;

static unsigned readXcr0(void) {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static Cpu readCpu(void) {
  Cpu cpu = {0, 0, 0, 0, 0};
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return cpu;
  const int osxsave = (c >> 27) & 1;
  cpu.fma = (c >> 12) & 1;
  cpu.f16c = (c >> 29) & 1;
  if (osxsave) cpu.xcr0 = readXcr0();
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return cpu;
  cpu.avx2 = (b >> 5) & 1;
  const unsigned f = (b >> 16) & 1, dq = (b >> 17) & 1, bw = (b >> 30) & 1, vl = (b >> 31) & 1;
  cpu.avx512 = (int)(f & dq & bw & vl);
  return cpu;
}

static const char *missingAvx2(Cpu cpu) {
  if (!cpu.avx2 || !cpu.fma || !cpu.f16c) return "not supported by this CPU";
  if ((cpu.xcr0 & XCR0_AVX) != XCR0_AVX) return "not enabled by the operating system";
  return 0;
}

static const char *missingAvx512(Cpu cpu) {
  if (!cpu.avx512) return "not supported by this CPU";
  if ((cpu.xcr0 & XCR0_AVX512) != XCR0_AVX512) return "not enabled by the operating system";
  return 0;
}

#endif

static Isa table[ISA_COUNT];
static int tableCount;
static pthread_once_t tableOnce = PTHREAD_ONCE_INIT;

static void put(const char *name, const Kernels *kernels, const char *missing) {
  if (!kernels && !missing) missing = "not part of this build";
  table[tableCount++] = (Isa){name, kernels, missing};
}

static void fillTable(void) {
#ifdef ISA_X86
  const Cpu cpu = readCpu();
  put("avx512", AVX512_KERNELS, missingAvx512(cpu));
  put("avx2", AVX2_KERNELS, missingAvx2(cpu));
#endif
#ifdef ISA_ARM
  put("neon", NEON_KERNELS, 0);
#endif
  put("plain", &saccade_plain, 0);
}

const Isa *isaTable(int *count) {
  pthread_once(&tableOnce, fillTable);
  *count = tableCount;
  return table;
}
