/* round_trip.c - prints the seconds that a cache line takes from one thread to another and back, the least of
 * many; nothing if there is only one core. It takes about 50 ns if both cores share a cache, and several
 * times as much otherwise. */
#include <omp.h>
#include <stdatomic.h>
#include <stdio.h>

#define PASSES 20
#define TRIPS  20000

static _Alignas(128) atomic_int turn;

static double seconds_of_a_trip(void) {
  const double begin = omp_get_wtime();
#pragma omp parallel num_threads(2)
  {
    const int me = omp_get_thread_num();
    for (int trip = 0; trip < TRIPS; trip++) {
      while ((atomic_load_explicit(&turn, memory_order_acquire) & 1) != me) {
      }
      atomic_fetch_add(&turn, 1);
    }
  }
  return (omp_get_wtime() - begin) / TRIPS;
}

int main(void) {
  omp_set_dynamic(0);
  if (omp_get_num_procs() < 2 || omp_get_thread_limit() < 2) return 1; /* else it waits (nearly) for ever */
  double least = 1e9;
  for (int pass = 0; pass < PASSES; pass++) {
    const double seconds = seconds_of_a_trip();
    if (seconds < least) least = seconds;
  }
  printf("%.9f\n", least);
  return 0;
}
