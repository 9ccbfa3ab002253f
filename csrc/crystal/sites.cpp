// sites.cpp - the atom sites of a block: elements, positions, occupancies and displacements.
#include "crystal.hpp"

#include <cctype>
#include <map>
#include <vector>

#include <gemmi/elem.hpp>
#include <gemmi/util.hpp>

namespace moonbow {

namespace cif = gemmi::cif;

constexpr double B_OF_U = 8 * 3.14159265358979323846 * 3.14159265358979323846;
constexpr double MOST_U = 10; // square angstrom
enum { X, Y, Z, LABEL, SYMBOL, OCCUPANCY, U_ISO, B_ISO, CALC_FLAG };

static std::string letters_of(const std::string &text) {
  size_t count = 0;
  while (count < text.size() && std::isalpha(static_cast<unsigned char>(text[count]))) count++;
  return text.substr(0, count);
}

// The element of a type symbol: X if there is none.
static gemmi::Element element_of(const std::string &symbol) {
  const std::string letters = letters_of(symbol);
  return letters.size() > 2 ? gemmi::Element(gemmi::El::X) : gemmi::Element(letters);
}

static bool begins(const std::string &text, const char *with) {
  return text.compare(0, std::char_traits<char>::length(with), with) == 0;
}

// The element that begins a label ("Ti1", "OW2", "SiT1"): X if there is none, or if the label is likely to
// mean something else ("HO1" is H of OH rather than Ho). Labels with other letters are noted.
static gemmi::Element element_of_label(Draft &draft, const std::string &label) {
  const std::string letters = letters_of(label), small = gemmi::to_lower(letters);
  if (begins(small, "wat") || small == "wa" || begins(gemmi::to_lower(label), "h2o")) {
    add_note(draft, "taken for O of water, whose H have to be sites of their own", label);
    return gemmi::El::O;
  }
  if (begins(letters, "HO") || begins(small, "oct") || begins(small, "tet")) return gemmi::El::X;
  gemmi::Element element(letters.substr(0, 2));
  if (element == gemmi::El::X) element = gemmi::Element(letters.substr(0, 1));
  if (element != gemmi::El::X && letters != element.name())
    add_note(draft, "read from labels", label + " as " + element.name());
  return element;
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

static void read_element(Draft &draft, crystal_site &site, const cif::Table::Row &row,
                         const std::string &label) {
  const bool is_label = !row.has2(SYMBOL);
  const std::string text = is_label ? label : row.str(SYMBOL);
  const gemmi::Element element = is_label ? element_of_label(draft, label) : element_of(text);
  if (element == gemmi::El::X)
    refuse(std::string(is_label ? "_atom_site_label" : "_atom_site_type_symbol") + ": no element is '" +
           text.substr(0, 40) + "'");
  copy_text(site.element, sizeof site.element, element.name());
  site.number = element == gemmi::El::D ? 1 : element.ordinal();
  site.charge = is_label ? 0 : charge_of(text);
  site.mass = element.weight();
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

// False for a site that is left out: without a position, a dummy, or a vacancy.
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
  if (!row.has2(SYMBOL) && begins(gemmi::to_lower(label), "vac")) {
    add_note(draft, "left out, as vacancies", label);
    return false;
  }
  read_element(draft, site, row, label);
  read_position(site, row);
  read_numbers(site, row);
  return true;
}

static void set_anisotropic(crystal_site &site, const cif::Table::Row &row, const std::string &tag,
                            double scale) {
  for (size_t i = 0; i < 6; i++) {
    site.u[i] = number_of(row[i + 1], tag, site.label) * scale;
    if (std::fabs(site.u[i]) > MOST_U) refuse(tag + " of " + site.label + ": beyond 10");
  }
  site.is_anisotropic = true;
}

// Sets the anisotropic displacements of the sites by their labels, from U or B. Where atoms share a label,
// its first row is of the first of them, and its last one of all that remain.
static void read_anisotropic(Draft &draft, const char *kind, double scale) {
  const std::string k = kind;
  std::map<std::string, std::vector<size_t>> by_label;
  std::map<std::string, size_t> rows; // that were read, of each label
  for (size_t i = 0; i < draft.sites.size(); i++) by_label[draft.sites[i].label].push_back(i);
  for (const auto &row : draft.block.find("_atom_site_aniso_", {"label", k + "_11", k + "_22", k + "_33",
                                                                k + "_12", k + "_13", k + "_23"})) {
    const auto found = by_label.find(row.str(0));
    if (found == by_label.end() || cif::is_null(row[1])) continue;
    for (size_t i = rows[found->first]++; i < found->second.size(); i++)
      set_anisotropic(draft.sites[found->second[i]], row, "_atom_site_aniso_" + k, scale);
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
