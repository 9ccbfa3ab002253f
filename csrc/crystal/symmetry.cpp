// symmetry.cpp - the operators of a block: as they are listed, or from the symbol of the space group.
#include "crystal.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <set>

#include <gemmi/numb.hpp>

namespace moonbow {

namespace cif = gemmi::cif;
using gemmi::GroupOps;
using gemmi::Op;
using gemmi::SpaceGroup;

constexpr double METRIC_TOLERANCE = 0.01; // of lengths squared: cells of measured structures are rounded

static std::vector<Op> operators_of(const GroupOps &group) {
  std::vector<Op> list;
  for (const Op::Tran &centring : group.cen_ops)
    for (const Op &op : group.sym_ops) list.push_back(op.add_centering(centring));
  return list;
}

static std::string without_blanks(const std::string &text) {
  std::string plain;
  for (char c : text)
    if (c != ' ' && c != '_') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return plain;
}

// Only Hall symbols of the tables are taken: gemmi's parser trusts what it reads.
static const SpaceGroup *by_hall(const std::string &symbol) {
  const std::string plain = without_blanks(symbol);
  for (const SpaceGroup &group : gemmi::spacegroup_tables::main)
    if (!plain.empty() && without_blanks(group.hall) == plain) return &group;
  return nullptr;
}

static bool is_digit(const std::string &text, size_t i) {
  return i < text.size() && std::isdigit(static_cast<unsigned char>(text[i]));
}

// "P 2(1)/n", as SHELX writes, and "P 2_1/n" as "P 21/n".
static std::string with_screws(const std::string &symbol) {
  std::string text;
  for (size_t i = 0; i < symbol.size(); i++) {
    const bool is_index = i > 0 && is_digit(symbol, i - 1) && is_digit(symbol, i + 1);
    if (is_index && symbol[i] == '_' && symbol[i + 1] < symbol[i - 1]) continue;
    if (is_index && symbol[i] == '(' && i + 2 < symbol.size() && symbol[i + 2] == ')')
      text += symbol[i + 1], i += 2;
    else
      text += symbol[i];
  }
  return text;
}

static std::string with_blanks(std::string symbol) {
  std::replace(symbol.begin(), symbol.end(), '_', ' ');
  return symbol;
}

// The group of a symbol, and whether the symbol says which origin or setting it means.
static const SpaceGroup *by_name(const std::string &stated, double alpha, double gamma, bool *is_set) {
  // ICSD and others write "F d -3 m S" and "R -3 m H", "F d -3 m Z", for the origins 1 and 2 and for
  // settings.
  static const char *const endings[][2] = {{" (origin choice 1)", ":1"},
                                           {" (origin choice 2)", ":2"},
                                           {" (origin at -1)", ":2"},
                                           {" S", ":1"},
                                           {"S", ":1"},
                                           {" Z", ":2"},
                                           {"Z", ":2"},
                                           {" H", ":H"},
                                           {"H", ":H"},
                                           {" R", ":R"},
                                           {"R", ":R"}};
  std::string symbol = with_blanks(stated);
  const SpaceGroup *group = gemmi::find_spacegroup_by_name(symbol, alpha, gamma);
  if (group == nullptr) { // only then: "P_4_3_2" has no screw axis
    symbol = with_blanks(with_screws(stated));
    group = gemmi::find_spacegroup_by_name(symbol, alpha, gamma);
  }
  *is_set = symbol.find(':') != std::string::npos;
  for (const auto &ending : endings) {
    const size_t length = std::strlen(ending[0]);
    if (group != nullptr || symbol.size() <= length + 1 ||
        symbol.compare(symbol.size() - length, length, ending[0]) != 0)
      continue;
    group =
        gemmi::find_spacegroup_by_name(symbol.substr(0, symbol.size() - length) + ending[1], alpha, gamma);
    *is_set = true;
  }
  return group;
}

// "x,y,z+0.5" as "x,y,z+12/24"; what is no 24th stays as it is.
static std::string with_fractions(const std::string &triplet) {
  std::string text;
  for (size_t i = 0; i < triplet.size();) {
    const size_t end = std::min(triplet.find_first_not_of("0123456789.", i), triplet.size());
    const std::string number = triplet.substr(i, end - i);
    const double part = number.find('.') == std::string::npos ? NAN : cif::as_number(number) * Op::DEN;
    if (std::fabs(part - std::round(part)) < 0.1 && part < 100)
      text += std::to_string(static_cast<int>(std::round(part))) + "/24";
    else
      text += end > i ? number : triplet.substr(i, 1);
    i = std::max(end, i + 1);
  }
  return text;
}

// gemmi multiplies numbers without looking at their size.
static Op parse(const std::string &stated) {
  const std::string triplet = with_fractions(stated);
  int digits = 0;
  if (triplet.size() > 60) refuse("'" + triplet.substr(0, 60) + "' is too long for an operator");
  for (char c : triplet) {
    digits = std::isdigit(static_cast<unsigned char>(c)) ? digits + 1 : 0;
    if (digits > 2) refuse("'" + triplet + "' is no operator");
  }
  const Op op = gemmi::parse_triplet(triplet).wrap();
  for (int i = 0; i < 9; i++)
    if (op.rot[i / 3][i % 3] % Op::DEN != 0) refuse("'" + triplet + "' is no operator of a lattice");
  return op;
}

// Refuses lists that are no group, for example because lines are missing.
static void check_group(const std::vector<Op> &operators, const std::string &tag) {
  const std::set<Op> all(operators.begin(), operators.end());
  if (all.count(Op::identity()) == 0) refuse(tag + ": the operator x,y,z is missing");
  for (const Op &a : operators)
    for (const Op &b : operators)
      if (all.count(a * b) == 0)
        refuse(tag + ": the operators are no group, since " + (a * b).triplet() + " is missing");
}

static bool read_list(Draft &draft) {
  for (const char *tag : {"_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz"}) {
    const cif::Column column = draft.block.find_values(tag);
    if (column.length() == 0 || cif::is_null(column.at(0))) continue;
    if (column.length() > CRYSTAL_MOST_OPERATORS) refuse(std::string(tag) + ": more than 192 operators");
    std::set<Op> seen;
    for (int i = 0; i < column.length(); i++) {
      try {
        const Op op = parse(cif::as_string(column.at(i)));
        if (seen.insert(op).second) draft.operators.push_back(op);
      } catch (const std::exception &fault) {
        refuse(std::string(tag) + ": " + fault.what());
      }
    }
    check_group(draft.operators, tag);
    return true;
  }
  return false;
}

// The value of the first of some tags that the block has; empty without one.
static std::string first_of(Draft &draft, std::initializer_list<const char *> tags) {
  for (const char *tag : tags)
    if (const std::string text = text_of(draft.block, tag); !text.empty()) return text;
  return {};
}

// The number of a space group in a text; 0 if it holds none.
static int stated_number(const std::string &text) {
  const double number = cif::as_number(text);
  return number >= 1 && number <= 230 && number == std::round(number) ? static_cast<int>(number) : 0;
}

static std::string name_of(const SpaceGroup &group) {
  return group.xhm() + " (" + std::to_string(group.number) + ")";
}

// True for a row of the tables by its code in the International Tables: "b1", "2", "1cab", "h", or only its
// origin; "abc" are the axes as they are.
static bool has_code(const SpaceGroup &row, std::string code) {
  const std::string set = row.ext != 0 ? std::string(1, static_cast<char>(std::tolower(row.ext))) : "";
  if (code.size() >= 3 && code.compare(code.size() - 3, 3, "abc") == 0) code.resize(code.size() - 3);
  return code == set + row.qualifier || (!set.empty() && code == set);
}

// A group as the file names it. has_symbol: by a symbol, not by its number alone; is_set: that or a code says
// which origin or axes it means.
struct Named {
  const SpaceGroup *group;
  bool has_symbol, is_set;
};

// Takes the setting of a group that the file states as a code.
static void choose_setting(Draft &draft, Named &named) {
  const std::string stated = first_of(draft, {"_space_group_IT_coordinate_system_code"});
  const std::string code = without_blanks(stated);
  if (code.empty() || (named.is_set && has_code(*named.group, code))) return;
  for (const SpaceGroup &row : gemmi::spacegroup_tables::main) {
    if (named.is_set || row.number != named.group->number || !has_code(row, code)) continue;
    if (named.has_symbol && std::strcmp(row.hm, named.group->hm) != 0) continue;
    named.group = &row;
    named.is_set = true;
    return;
  }
  add_note(draft, "_space_group_IT_coordinate_system_code '" + stated.substr(0, 20) +
                      "' was not used: it is not of " + name_of(*named.group));
}

// The group of a Hall symbol, or of a Hermann-Mauguin symbol, or none; `unknown`: the first symbol that is in
// no table.
static Named by_symbol(Draft &draft, std::string &unknown) {
  Named named{nullptr, true, true};
  for (const char *tag : {"_space_group_name_Hall", "_symmetry_space_group_name_Hall"})
    if ((named.group = by_hall(text_of(draft.block, tag))) != nullptr) return named;
  for (const char *tag :
       {"_space_group_name_H-M_alt", "_symmetry_space_group_name_H-M", "_space_group_name_H-M"}) {
    const std::string symbol = text_of(draft.block, tag);
    if (symbol.empty()) continue;
    named.group = by_name(symbol, draft.cell.alpha, draft.cell.gamma, &named.is_set);
    if (named.group != nullptr) return named;
    if (unknown.empty()) unknown = std::string(tag) + ": unknown space group '" + symbol.substr(0, 40) + "'";
  }
  return named;
}

// The standard setting of a number: its first row.
static Named by_number(const Draft &draft, int number) {
  for (const SpaceGroup &row : gemmi::spacegroup_tables::main)
    if (row.number == number) {
      bool is_set;
      return {by_name(row.hm, draft.cell.alpha, draft.cell.gamma, &is_set), false, false};
    }
  return {nullptr, false, false};
}

// The group that the file names; refuses a file that names none if it is needed.
static Named named_group(Draft &draft, bool is_needed) {
  std::string unknown;
  const std::string number = first_of(draft, {"_space_group_IT_number", "_symmetry_Int_Tables_number"});
  const int stated = stated_number(number);
  Named named = by_symbol(draft, unknown);
  if (named.group == nullptr) {
    named = by_number(draft, stated);
    const bool has_origin = unknown.find("(origin") != std::string::npos; // which the number would lose
    if (is_needed && !unknown.empty() && (named.group == nullptr || has_origin)) refuse(unknown);
    if (is_needed && named.group == nullptr && !number.empty())
      refuse("_space_group_IT_number: expected 1 to 230, got " + number.substr(0, 40));
    if (is_needed && !unknown.empty()) add_note(draft, unknown + "; the number was taken");
  } else if (stated != 0 && stated != named.group->number) {
    add_note(draft, "the number of the space group, " + number.substr(0, 40) +
                        ", is not that of its symbol, " + name_of(*named.group));
  }
  if (is_needed && named.group == nullptr)
    refuse("no symmetry: _space_group_symop_operation_xyz, _space_group_name_H-M_alt, _space_group_IT_number "
           "and "
           "their older names are missing");
  return named;
}

// Takes the operators of the named group; returns the group.
static const SpaceGroup *take_named(Draft &draft) {
  Named named = named_group(draft, true);
  choose_setting(draft, named);
  const bool is_unclear = named.group->ext == '1' && !named.is_set;
  draft.operators = operators_of(named.group->operations());
  add_note(draft, "operators from the symbol, " + named.group->xhm() +
                      (is_unclear ? ": the file does not say whether it means origin 1 or 2" : ""));
  return named.group;
}

// The setting of the tables whose operators are those of the file, if there is one.
static const SpaceGroup *listed_group(Draft &draft) {
  const SpaceGroup *named = named_group(draft, false).group;
  const SpaceGroup *found = gemmi::find_spacegroup_by_ops(gemmi::split_centering_vectors(draft.operators));
  const bool differs = named != nullptr && (found != nullptr ? found->number != named->number
                                                             : static_cast<int>(draft.operators.size()) !=
                                                                   named->operations().order());
  if (differs)
    add_note(draft, "the operators of the file, which were taken, are not of its group " + name_of(*named) +
                        (found != nullptr ? ", but of " + name_of(*found) : ""));
  return found;
}

// The cell must have the symmetry: the axes, and the sums of two, which depend on their angle, are as long as
// their images.
static void check_cell(const Draft &draft) {
  const gemmi::UnitCell &cell = draft.cell;
  const int vectors[6][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 0}, {1, 0, 1}, {0, 1, 1}};
  for (const Op &op : draft.operators)
    for (const auto &v : vectors) {
      gemmi::Fractional vector(v[0], v[1], v[2]), image(0, 0, 0);
      for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) image.at(j) += v[i] * op.rot[j][i] / Op::DEN;
      const double before = cell.orthogonalize(vector).length_sq(),
                   after = cell.orthogonalize(image).length_sq();
      if (std::fabs(after - before) > METRIC_TOLERANCE * before)
        refuse("_cell_length_a to _cell_angle_gamma: the cell does not have the symmetry " + op.triplet());
    }
}

void read_symmetry(Draft &draft) {
  const SpaceGroup *group = read_list(draft) ? listed_group(draft) : take_named(draft);
  check_cell(draft);
  draft.symbol = group != nullptr ? group->xhm() : "operators of no setting in the tables";
  draft.group = group != nullptr ? group->number : 0;
}

} // namespace moonbow

int crystal_group(const char *symbol, double alpha, double gamma,
                  crystal_operator operators[CRYSTAL_MOST_OPERATORS]) {
  try {
    const gemmi::SpaceGroup *group = moonbow::by_hall(symbol);
    bool is_set;
    if (group == nullptr) group = moonbow::by_name(symbol, alpha, gamma, &is_set);
    if (group == nullptr) return 0;
    int count = 0;
    for (const gemmi::Op &op : moonbow::operators_of(group->operations())) {
      if (count == CRYSTAL_MOST_OPERATORS) return 0;
      for (int i = 0; i < 9; i++) operators[count].rotation[i] = op.rot[i / 3][i % 3] / gemmi::Op::DEN;
      for (int i = 0; i < 3; i++) operators[count].translation[i] = op.tran[i];
      count++;
    }
    return count;
  } catch (...) {
    return 0;
  }
}

bool crystal_setting(int i, int *number, char symbol[CRYSTAL_TEXT]) {
  const int rows =
      static_cast<int>(sizeof gemmi::spacegroup_tables::main / sizeof gemmi::spacegroup_tables::main[0]);
  if (i < 0 || i >= rows) return false;
  *number = gemmi::spacegroup_tables::main[i].number;
  moonbow::copy_text(symbol, CRYSTAL_TEXT, gemmi::spacegroup_tables::main[i].xhm());
  return true;
}
