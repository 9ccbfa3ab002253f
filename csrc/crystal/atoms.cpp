// atoms.cpp - the atoms of the cell: each site, moved by each operator, once.
#include "crystal.hpp"

#include <algorithm>
#include <set>

namespace moonbow {

using gemmi::Op;

// Images of a site that are closer than NEAR are one atom, on a special position, if their operators are a
// group and their occupancies add up to more than one atom: those of a split atom do not. Images closer than
// ROUNDED are one in any case: their numbers are rounded.
constexpr double NEAR = 0.1, ROUNDED = 0.02; // angstrom
constexpr double EQUAL = 1e-6;               // angstrom: equal distances
constexpr double FULL = 1.05;                // occupancies of one position

// What an operator does to the position of a site.
struct Move {
  const Op *op;
  double delta[3], length; // fractions; angstrom
};

static void difference(double delta[3], const double a[3], const double b[3]) {
  for (int i = 0; i < 3; i++) {
    delta[i] = a[i] - b[i];
    delta[i] -= std::round(delta[i]);
  }
}

static double length_of(const Draft &draft, const double delta[3]) {
  return draft.cell.orthogonalize_difference(gemmi::Fractional(delta[0], delta[1], delta[2])).length();
}

static void image_of(double image[3], const Op &op, const double position[3]) {
  const auto moved = op.apply_to_xyz({position[0], position[1], position[2]});
  for (size_t i = 0; i < 3; i++) image[i] = moved[i] - std::floor(moved[i]);
}

// The operators that move a site by less than NEAR, the least first.
static std::vector<Move> moves_of(const Draft &draft, const crystal_site &site) {
  std::vector<Move> moves;
  for (const Op &op : draft.operators) {
    double image[3];
    Move move{&op, {}, 0};
    image_of(image, op, site.position);
    difference(move.delta, image, site.position);
    move.length = length_of(draft, move.delta);
    if (move.length < NEAR) moves.push_back(move);
  }
  std::stable_sort(moves.begin(), moves.end(),
                   [](const Move &a, const Move &b) { return a.length < b.length; });
  return moves;
}

static bool is_group(const std::vector<Move> &moves, size_t count) {
  std::set<Op> all;
  for (size_t i = 0; i < count; i++) all.insert(*moves[i].op);
  for (const Op &a : all)
    for (const Op &b : all)
      if (all.count(a * b) == 0) return false;
  return true;
}

// How many of the moves hold a site within the largest tolerance, up to one, for which they are a group.
static size_t stabiliser(const std::vector<Move> &moves, double tolerance) {
  size_t count = moves.size();
  while (count > 1) {
    const double length = moves[count - 1].length;
    if (length < tolerance && is_group(moves, count)) break;
    while (count > 1 && moves[count - 1].length > length - EQUAL) count--;
  }
  return count;
}

// The operators that hold a site: none of those that bring a split atom to another of its places.
static std::vector<Move> holding(Draft &draft, const crystal_site &site) {
  std::vector<Move> moves = moves_of(draft, site);
  const size_t least = stabiliser(moves, ROUNDED), most = stabiliser(moves, NEAR);
  const double sum = site.occupancy * static_cast<double>(most) / static_cast<double>(least);
  if (most > least)
    add_note(draft,
             sum > FULL
                 ? "taken for one atom on a special position, though its images are up to 0.1 A apart"
                 : "taken for a split atom, since its images within 0.1 A are one atom by their occupancy",
             site.label);
  moves.resize(sum > FULL ? most : least);
  return moves;
}

// U* = N U N with the reciprocal lengths in N, turned by the rotation R: R U* R'.
static void turn_displacement(crystal_atom &atom, const crystal_site &site, const Draft &draft,
                              const Op &op) {
  static const int at[3][3] = {{0, 3, 4}, {3, 1, 5}, {4, 5, 2}};
  const double n[3] = {draft.cell.ar, draft.cell.br, draft.cell.cr};
  for (int i = 0; i < 3; i++)
    for (int j = i; j < 3; j++) {
      double sum = 0;
      for (int k = 0; k < 3; k++)
        for (int l = 0; l < 3; l++)
          sum += op.rot[i][k] / Op::DEN * (op.rot[j][l] / Op::DEN) * (n[k] * n[l] * site.u[at[k][l]]);
      atom.u_star[at[i][j]] = sum;
    }
}

// Operators that differ by one that holds the site give the same atom.
static void expand_site(Draft &draft, int number) {
  crystal_site &site = draft.sites[static_cast<size_t>(number)];
  const std::vector<Move> moves = holding(draft, site);
  double special[3];
  for (int i = 0; i < 3; i++) {
    double sum = 0;
    for (const Move &move : moves) sum += move.delta[i];
    special[i] = site.position[i] + sum / static_cast<double>(moves.size());
  }
  std::set<Op> done;
  for (const Op &op : draft.operators) {
    if (!done.insert(op).second) continue;
    for (const Move &move : moves) done.insert(op * *move.op);
    crystal_atom atom{};
    atom.site = number;
    image_of(atom.position, op, special);
    if (site.is_anisotropic) turn_displacement(atom, site, draft, op);
    draft.atoms.push_back(atom);
    site.multiplicity++;
  }
}

// Notes sites at whose position atoms, their own images among them, are more than one.
static void note_overfull(Draft &draft) {
  std::vector<const crystal_atom *> firsts(draft.sites.size());
  for (auto atom = draft.atoms.rbegin(); atom != draft.atoms.rend(); ++atom)
    firsts[static_cast<size_t>(atom->site)] = &*atom;
  const double along_a = NEAR * draft.cell.ar; // farther atoms along a are left out at once
  for (const crystal_atom *first : firsts) {
    double sum = 0, delta[3];
    for (const crystal_atom &other : draft.atoms) {
      difference(delta, other.position, first->position);
      if (std::fabs(delta[0]) <= along_a && length_of(draft, delta) < NEAR)
        sum += draft.sites[static_cast<size_t>(other.site)].occupancy;
    }
    if (sum > FULL)
      add_note(draft, "the occupancies of a position add up to more than 1",
               std::string(draft.sites[static_cast<size_t>(first->site)].label) + " (" +
                   std::to_string(sum).substr(0, 4) + ")");
  }
}

void expand_atoms(Draft &draft) {
  if (draft.sites.size() * draft.operators.size() > CRYSTAL_MOST_ATOMS)
    refuse("more than 100000 atoms: " + std::to_string(draft.sites.size()) + " sites and " +
           std::to_string(draft.operators.size()) + " operators");
  for (size_t i = 0; i < draft.sites.size(); i++) expand_site(draft, static_cast<int>(i));
  note_overfull(draft);
}

} // namespace moonbow
