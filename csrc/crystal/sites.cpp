// sites.cpp - the atom sites of a block: elements, positions, occupancies and displacements.
#include "crystal.hpp"

#include <cctype>
#include <map>

#include <gemmi/elem.hpp>

namespace moonbow {

namespace cif = gemmi::cif;

constexpr double B_OF_U = 8 * 3.14159265358979323846 * 3.14159265358979323846;
constexpr double MOST_U = 10; // square angstrom
enum { X, Y, Z, LABEL, SYMBOL, OCCUPANCY, U_ISO, B_ISO, CALC_FLAG };

// The element that begins a label ("Ti1", "OW2"), or that a symbol is: X if there is none.
static gemmi::Element element_of(const std::string &text, bool is_label) {
  std::string letters;
  while (letters.size() < text.size() && std::isalpha(static_cast<unsigned char>(text[letters.size()])))
    letters += text[letters.size()];
  if (!is_label && letters.size() > 2) return gemmi::El::X;
  const gemmi::Element element(letters.substr(0, 2));
  return element == gemmi::El::X && is_label ? gemmi::Element(letters.substr(0, 1)) : element;
}

// The charge in "Fe3+", "O2-", "Fe+3", "Na+"; 0 without a sign.
static int charge_of(const std::string &symbol) {
  const size_t sign = symbol.find_first_of("+-");
  if (sign == std::string::npos) return 0;
  const std::string digits = symbol.substr(0, sign) + symbol.substr(sign + 1);
  const size_t digit = digits.find_first_of("0123456789");
  const int size = digit == std::string::npos ? 1 : digits[digit] - '0';
  return symbol[sign] == '+' ? size : -size;
}

static bool read_element(crystal_site &site, const std::string &text, bool is_label) {
  const gemmi::Element element = element_of(text, is_label);
  if (element == gemmi::El::X) return false;
  copy_text(site.element, sizeof site.element, element.name());
  site.number = element == gemmi::El::D ? 1 : element.ordinal();
  site.charge = is_label ? 0 : charge_of(text);
  site.mass = element.weight();
  return true;
}

static void read_position(crystal_site &site, const cif::Table::Row &row) {
  static const char *const tags[] = {"_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z"};
  for (size_t i = 0; i < 3; i++) {
    const double value = number_of(row[X + i], tags[i], site.label);
    if (std::fabs(value) > 1000) refuse(std::string(tags[i]) + " of " + site.label + ": " + row[X + i]);
    site.position[i] = value - std::floor(value);
  }
}

static double optional_number(const cif::Table::Row &row, size_t column, const char *tag,
                              const std::string &label, double otherwise) {
  return row.has2(column) ? number_of(row[column], tag, label) : otherwise;
}

static void read_numbers(crystal_site &site, const cif::Table::Row &row) {
  const std::string label = site.label;
  site.occupancy = optional_number(row, OCCUPANCY, "_atom_site_occupancy", label, 1);
  if (!(site.occupancy >= 0 && site.occupancy <= 1.1))
    refuse("_atom_site_occupancy of " + label + ": expected 0 to 1, got " + row[OCCUPANCY]);
  const double b = optional_number(row, B_ISO, "_atom_site_B_iso_or_equiv", label, NAN);
  site.u_iso = optional_number(row, U_ISO, "_atom_site_U_iso_or_equiv", label, b / B_OF_U);
  if (std::fabs(site.u_iso) > MOST_U)
    refuse("_atom_site_U_iso_or_equiv of " + label + ": expected square angstrom, at most 10");
}

// False for a site that is left out: without a position, or a dummy.
static bool read_site(Draft &draft, crystal_site &site, const cif::Table::Row &row) {
  const std::string label =
      row.has2(LABEL) ? row.str(LABEL) : "site " + std::to_string(draft.sites.size() + 1);
  copy_text(site.label, sizeof site.label, label);
  if (cif::is_null(row[X]) && cif::is_null(row[Y]) && cif::is_null(row[Z])) {
    add_note(draft, "left out, without a position", label);
    return false;
  }
  if (row.has2(CALC_FLAG) && row.str(CALC_FLAG) == "dum") {
    add_note(draft, "left out, as dummies of a refinement", label);
    return false;
  }
  const bool has_symbol = row.has2(SYMBOL);
  const std::string symbol = has_symbol ? row.str(SYMBOL) : label;
  if (!read_element(site, symbol, !has_symbol))
    refuse(std::string(has_symbol ? "_atom_site_type_symbol" : "_atom_site_label") + ": no element is '" +
           symbol.substr(0, 40) + "'");
  read_position(site, row);
  read_numbers(site, row);
  return true;
}

// Sets the anisotropic displacements of the sites by their labels, from U or B.
static void read_anisotropic(Draft &draft, const char *kind, double scale) {
  const std::string k = kind;
  std::map<std::string, size_t> by_label;
  for (size_t i = 0; i < draft.sites.size(); i++) by_label[draft.sites[i].label] = i;
  for (const auto &row : draft.block.find("_atom_site_aniso_", {"label", k + "_11", k + "_22", k + "_33",
                                                                k + "_12", k + "_13", k + "_23"})) {
    const auto found = by_label.find(row.str(0));
    if (found == by_label.end() || cif::is_null(row[1])) continue;
    crystal_site &site = draft.sites[found->second];
    for (size_t i = 0; i < 6; i++) {
      site.u[i] = number_of(row[i + 1], "_atom_site_aniso_" + k, site.label) * scale;
      if (std::fabs(site.u[i]) > MOST_U)
        refuse("_atom_site_aniso_" + k + " of " + site.label + ": beyond 10");
    }
    site.is_anisotropic = true;
  }
}

void read_sites(Draft &draft) {
  auto table =
      draft.block.find("_atom_site_", {"fract_x", "fract_y", "fract_z", "?label", "?type_symbol",
                                       "?occupancy", "?U_iso_or_equiv", "?B_iso_or_equiv", "?calc_flag"});
  if (!table.ok()) refuse("_atom_site_fract_x, y and z are no columns of one loop");
  if (table.length() > CRYSTAL_MOST_SITES) refuse("more than 5000 atom sites");
  for (const auto &row : table) {
    crystal_site site{};
    if (read_site(draft, site, row)) draft.sites.push_back(site);
  }
  if (draft.sites.empty()) refuse("_atom_site_fract_x: no site has a position");
  read_anisotropic(draft, "U", 1);
  read_anisotropic(draft, "B", 1 / B_OF_U);
}

} // namespace moonbow
