/* embed.c - a C program that uses the installed libmoonbow: a matrix product and a refusal. */
#include <moonbow.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  const mb_real a[4] = {1, 2, 3, 4}, b[4] = {5, 6, 7, 8}, expected[4] = {19, 22, 43, 50};
  mb_real c[4];
  mb_matmul(c, false, false, 2, 2, 2, 1, a, b, 0);
  mb_size L_out, left, right;
  const mb_status status = mb_window(&L_out, &left, &right, 3, 5, 1, 1, MB_VALID, 0, 0);
  if (memcmp(c, expected, sizeof c) == 0 && status == MB_BAD_SHAPE && strlen(mb_reason()) > 0) return 0;
  fprintf(stderr, "got {%g, %g, %g, %g}, status %d, reason '%s'\n", c[0], c[1], c[2], c[3], (int)status,
          mb_reason());
  return 1;
}
