#include "guard.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>

typedef struct {
  sigjmp_buf back;
  const Range *ranges;
  int count;
} Guard;

// Read inside a signal handler, possibly on threads that never saw this library: the first access must not allocate.
#if defined(__linux__)
static __thread Guard *volatile current __attribute__((tls_model("initial-exec")));
#else
static __thread Guard *volatile current;
#endif

static struct sigaction previousSegv, previousBus;

static int contains(const Guard *guard, const void *address) {
  const uintptr_t at = (uintptr_t)address;
  for (int i = 0; i < guard->count; i++) {
    const uintptr_t from = (uintptr_t)guard->ranges[i].data;
    if (at >= from && at - from < guard->ranges[i].bytes) return 1;
  }
  return 0;
}

static void pass(const struct sigaction *previous, int sig, siginfo_t *info, void *context) {
  if (previous->sa_flags & SA_SIGINFO) {
    previous->sa_sigaction(sig, info, context);
  } else if (previous->sa_handler == SIG_DFL || previous->sa_handler == SIG_IGN) {
    // Ends the process as it would have ended without this handler: the instruction faults again.
    sigaction(sig, previous, 0);
  } else {
    previous->sa_handler(sig);
  }
}

// Leaving by siglongjmp restores no mask (saving one for every unit would cost a system call), and a blocked fault kills.
static void unblock(int sig) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, sig);
  pthread_sigmask(SIG_UNBLOCK, &set, 0);
}

static void onFault(int sig, siginfo_t *info, void *context) {
  Guard *guard = current;
  // A positive code means that an instruction faulted; other signals were sent by somebody.
  if (guard && info->si_code > 0 && contains(guard, info->si_addr)) {
    current = 0;
    unblock(sig);
    siglongjmp(guard->back, 1);
  }
  pass(sig == SIGBUS ? &previousBus : &previousSegv, sig, info, context);
}

static int installed;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void install(void) {
  struct sigaction action = {0};
  action.sa_sigaction = onFault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  installed = sigaction(SIGSEGV, &action, &previousSegv) == 0 && sigaction(SIGBUS, &action, &previousBus) == 0;
}

int guardInstall(void) {
  pthread_once(&once, install);
  return installed;
}

int guardRun(const Range *ranges, int count, void (*run)(void *), void *argument) {
  Guard guard;
  guard.ranges = ranges;
  guard.count = count;
  if (sigsetjmp(guard.back, 0) != 0) return 0;
  current = &guard;
  run(argument);
  current = 0;
  return 1;
}
