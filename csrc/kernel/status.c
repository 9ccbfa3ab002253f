/* status.c - the reason of the last refusal, and the number of threads. */
#include "internal.h"

#include <omp.h>
#include <stdarg.h>
#include <stdio.h>

static _Thread_local char reason[256] = "";
static int threads = 0; /* 0: not asked for, OpenMP decides */

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

void mb_set_threads(int count) {
  threads = count < 1 ? 1 : count;
}

int mb_get_threads(void) {
  return threads > 0 ? threads : omp_get_max_threads();
}
