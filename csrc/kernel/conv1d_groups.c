/* conv1d_groups.c - convolution of wide groups of channels, each as a convolution of its own, on copies of
 * its channels. */
#include "conv1d_parts.h"

/* The convolution of one group. */
static mb_conv1d part_of(const mb_conv1d *s) {
  mb_conv1d r = *s;
  r.C = mb_group_inputs(s), r.F = mb_group_filters(s), r.groups = 0;
  return r;
}

static mb_size x_count(const mb_conv1d *r) {
  return r->N * r->L * r->C;
}
static mb_size w_count(const mb_conv1d *r) {
  return r->K * r->C * r->F;
}
static mb_size y_count(const mb_conv1d *r) {
  return r->N * r->L_pool * r->F;
}

/* Bytes of the copies of a group. */
static size_t copied_bytes(const mb_conv1d *r) {
  const mb_size for_argmax = mb_ceil_div(y_count(r), (mb_size)sizeof(mb_real));
  return (size_t)(2 * (x_count(r) + w_count(r)) + y_count(r) + for_argmax) * sizeof(mb_real);
}

mb_status mb_conv1d_groups_plan(mb_conv1d *s) {
  mb_conv1d r = part_of(s);
  const mb_status status = mb_conv1d_plan(&r, s->threads);
  s->T_y = r.T_y, s->T_dx = r.T_dx, s->T_dw = r.T_dw, s->T_both = r.T_both;
  s->scratch_bytes = r.scratch_bytes + copied_bytes(&r);
  return status;
}

/* Copies of one group, and its gradients, in scratch behind that of the convolution. */
typedef struct {
  mb_real *x, *w, *y, *dx, *dw;
  uint8_t *argmax;
} Copies;

static Copies copies_in(void *scratch, const mb_conv1d *r) {
  Copies p = {.x = (mb_real *)((char *)scratch + r->scratch_bytes)};
  p.dx = p.x + x_count(r), p.w = p.dx + x_count(r), p.dw = p.w + w_count(r);
  p.y = p.dw + w_count(r), p.argmax = (uint8_t *)(p.y + y_count(r));
  return p;
}

/* Bytes of rows, between arrays whose rows are as far apart. */
static void copy_bytes(uint8_t *to, mb_size to_row, const uint8_t *from, mb_size from_row, mb_size rows,
                       mb_size width) {
  for (mb_size r = 0; r < rows; r++) memcpy(to + r * to_row, from + r * from_row, (size_t)width);
}

/* Group g: copies x, unless it is NULL, and w. */
static void copy_inputs(const Copies *p, const mb_real *x, const mb_real *w, mb_size g, const mb_conv1d *s,
                        const mb_conv1d *r) {
  if (x) mb_copy_blocks(p->x, r->C, x + g * r->C, s->C, r->N * r->L, r->C);
  mb_copy_blocks(p->w, r->F, w + g * r->F, s->F, r->K * r->C, r->F);
}

/* The plan of a group, with the scratch that it asked for. */
static mb_conv1d planned_part(const mb_conv1d *plan) {
  mb_conv1d r = part_of(plan);
  r.scratch_bytes -= copied_bytes(&r);
  return r;
}

void mb_conv1d_groups_forward(mb_real *y, uint8_t *argmax, void *scratch, const mb_real *x, const mb_real *w,
                              const mb_real *b, const mb_conv1d *plan) {
  const mb_conv1d *s = plan, r = planned_part(plan);
  const Copies p = copies_in(scratch, &r);
  const mb_size rows = r.N * r.L_pool;
  if (!r.has_argmax) argmax = NULL;
  for (mb_size g = 0; g < s->groups; g++) {
    copy_inputs(&p, x, w, g, s, &r);
    mb_conv1d_forward(p.y, argmax ? p.argmax : NULL, scratch, p.x, p.w, b ? b + g * r.F : NULL, &r);
    mb_copy_blocks(y + g * r.F, s->F, p.y, r.F, rows, r.F);
    if (argmax) copy_bytes(argmax + g * r.F, s->F, p.argmax, r.F, rows, r.F);
  }
}

void mb_conv1d_groups_backward(mb_real *dx, mb_real *dw, mb_real *db, void *scratch, const mb_real *dy,
                               const uint8_t *argmax, const mb_real *x, const mb_real *w,
                               const mb_conv1d *plan) {
  const mb_conv1d *s = plan, r = planned_part(plan);
  const Copies p = copies_in(scratch, &r);
  const mb_size rows = r.N * r.L_pool;
  if (!r.has_argmax) argmax = NULL;
  for (mb_size g = 0; g < s->groups; g++) {
    copy_inputs(&p, dw ? x : NULL, w, g, s, &r);
    mb_copy_blocks(p.y, r.F, dy + g * r.F, s->F, rows, r.F);
    if (argmax) copy_bytes(p.argmax, r.F, argmax + g * r.F, s->F, rows, r.F);
    mb_conv1d_backward(dx ? p.dx : NULL, dw ? p.dw : NULL, db ? db + g * r.F : NULL, scratch, p.y,
                       argmax ? p.argmax : NULL, p.x, p.w, &r);
    if (dx) mb_copy_blocks(dx + g * r.C, s->C, p.dx, r.C, r.N * r.L, r.C);
    if (dw) mb_copy_blocks(dw + g * r.F, s->F, p.dw, r.F, r.K * r.C, r.F);
  }
}
