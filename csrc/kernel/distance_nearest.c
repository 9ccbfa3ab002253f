/* distance_nearest.c - the smallest values of a row, and the shares of their classes. */
#include "distance_nearest.h"

void mb_nearest_insert(mb_real *distance, mb_size *index, mb_size *found, mb_size k, mb_real d, mb_size i) {
  mb_size at = *found;
  if (at == k) {
    if (!(d < distance[k - 1] || (d == distance[k - 1] && i < index[k - 1]))) return;
    at--;
  } else {
    ++*found;
  }
  for (; at > 0 && (d < distance[at - 1] || (d == distance[at - 1] && i < index[at - 1])); at--) {
    distance[at] = distance[at - 1];
    index[at] = index[at - 1];
  }
  distance[at] = d;
  index[at] = i;
}

void mb_nearest(mb_real *distance, mb_size *index, const mb_real *matrix, mb_size A, mb_size B, mb_size k) {
  if (k == 0) return;
  for (mb_size i = 0; i < A; i++) {
    mb_size found = 0;
    for (mb_size j = 0; j < B; j++)
      mb_nearest_insert(distance + i * k, index + i * k, &found, k, matrix[i * B + j], j);
  }
}

void mb_vote(mb_real *probability, const mb_real *distance, const mb_size *index, const mb_size *label,
             bool by_distance, mb_size A, mb_size k, mb_size classes) {
  for (mb_size i = 0; i < A; i++, distance += k, index += k, probability += classes) {
    const mb_real nearest = k > 0 ? distance[0] : 0;
    double sum = 0;
    for (mb_size c = 0; c < classes; c++) probability[c] = 0;
    for (mb_size n = 0; n < k; n++) {
      /* Relative to the nearest, so that no weight overflows. */
      const double near = nearest == 0 ? distance[n] == 0 : (double)nearest / (double)distance[n];
      const double weight = by_distance ? near : 1;
      probability[label[index[n]]] += (mb_real)weight;
      sum += weight;
    }
    for (mb_size c = 0; c < classes; c++) probability[c] /= (mb_real)sum;
  }
}
