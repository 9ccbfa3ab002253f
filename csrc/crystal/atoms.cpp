// atoms.cpp - the atoms of the cell: each site, moved by each operator, once.
#include "crystal.hpp"

#include <cstring>

namespace moonbow {

using gemmi::Op;

// Images of a site that are closer than this are one atom, on a special position whose numbers are rounded.
// Split positions of disordered atoms are farther apart.
constexpr double SAME = 0.1;      // angstrom
constexpr double OVERFULL = 1.05; // occupancies that share a position

struct Image {
  double position[3];
  double sum[3]; // of the differences of images that fell on it
  int count;
  const Op *op; // of its first image
};

static void difference(double delta[3], const double a[3], const double b[3]) {
  for (int i = 0; i < 3; i++) {
    delta[i] = a[i] - b[i];
    delta[i] -= std::round(delta[i]);
  }
}

static double distance(const Draft &draft, const double delta[3]) {
  return draft.cell.orthogonalize_difference(gemmi::Fractional(delta[0], delta[1], delta[2])).length();
}

static void add_image(const Draft &draft, std::vector<Image> &images, const double position[3],
                      const Op &op) {
  double delta[3];
  for (Image &image : images) {
    difference(delta, position, image.position);
    if (distance(draft, delta) > SAME) continue;
    for (int i = 0; i < 3; i++) image.sum[i] += delta[i];
    image.count++;
    return;
  }
  Image image{{position[0], position[1], position[2]}, {0, 0, 0}, 1, &op};
  images.push_back(image);
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

static void expand_site(Draft &draft, int number) {
  crystal_site &site = draft.sites[static_cast<size_t>(number)];
  std::vector<Image> images;
  for (const Op &op : draft.operators) {
    const auto moved = op.apply_to_xyz({site.position[0], site.position[1], site.position[2]});
    const double position[3] = {moved[0] - std::floor(moved[0]), moved[1] - std::floor(moved[1]),
                                moved[2] - std::floor(moved[2])};
    add_image(draft, images, position, op);
  }
  if (draft.operators.size() % images.size() != 0)
    refuse("_atom_site_fract_x of " + std::string(site.label) +
           ": it is closer than 0.1 angstrom to some of its images, but not as on a special position");
  site.multiplicity = static_cast<int>(images.size());
  for (const Image &image : images) {
    crystal_atom atom{};
    atom.site = number;
    for (int i = 0; i < 3; i++) atom.position[i] = image.position[i] + image.sum[i] / image.count;
    if (site.is_anisotropic) turn_displacement(atom, site, draft, *image.op);
    draft.atoms.push_back(atom);
  }
}

// Notes positions that hold more than one atom's worth.
static void note_overfull(Draft &draft) {
  for (size_t i = 0; i < draft.sites.size() && draft.notes.size() < 8; i++) {
    double sum = 0, delta[3];
    for (const crystal_site &other : draft.sites) {
      difference(delta, other.position, draft.sites[i].position);
      if (distance(draft, delta) < SAME) sum += other.occupancy;
    }
    if (sum > OVERFULL)
      draft.notes.push_back(std::string(draft.sites[i].label) +
                            ": the occupancies of its position add up to " +
                            std::to_string(sum).substr(0, 4));
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
