/* status.c - the reason of the last refusal, and the number of threads. */
#include "internal.h"

#include <omp.h>
#include <stdarg.h>
#include <stdio.h>

static _Thread_local char reason[256] = "";

mb_status mb_refuse(mb_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  return status;
}

const char *mb_reason(void) {
  return reason;
}

/* OpenMP keeps the number for the thread that sets it, and threads of a parallel region inherit it: inside a
 * kernel it is the same everywhere, whatever other threads set meanwhile. */
void mb_set_threads(int count) {
  omp_set_num_threads(count < 1 ? 1 : count);
}

int mb_get_threads(void) {
  return omp_get_max_threads();
}

int mb_most_threads(void) {
  const int processors = omp_get_num_procs();
  return processors > 64 ? processors : 64;
}
