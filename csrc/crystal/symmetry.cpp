// symmetry.cpp - the operators of a block: as they are listed, or from the symbol of the space group.
#include "crystal.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <set>

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

static const SpaceGroup *by_name(std::string symbol, double alpha, double gamma) {
  std::replace(symbol.begin(), symbol.end(), '_', ' ');
  // ICSD and others write "F d -3 m S" and "R -3 m H", "F d -3 m Z", for the origins 1 and 2 and for
  // settings.
  static const char *const endings[][2] = {{" S", ":1"}, {"S", ":1"}, {" Z", ":2"}, {"Z", ":2"},
                                           {" H", ":H"}, {"H", ":H"}, {" R", ":R"}, {"R", ":R"}};
  const SpaceGroup *group = gemmi::find_spacegroup_by_name(symbol, alpha, gamma);
  for (const auto &ending : endings) {
    const size_t length = std::strlen(ending[0]);
    if (group == nullptr && symbol.size() > length + 1 &&
        symbol.compare(symbol.size() - length, length, ending[0]) == 0)
      group =
          gemmi::find_spacegroup_by_name(symbol.substr(0, symbol.size() - length) + ending[1], alpha, gamma);
  }
  return group;
}

// gemmi multiplies numbers without looking at their size.
static Op parse(const std::string &triplet) {
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

static const SpaceGroup *named_group(Draft &draft) {
  for (const char *tag : {"_space_group_name_Hall", "_symmetry_space_group_name_Hall"})
    if (const SpaceGroup *group = by_hall(text_of(draft.block, tag))) return group;
  for (const char *tag :
       {"_space_group_name_H-M_alt", "_symmetry_space_group_name_H-M", "_space_group_name_H-M"}) {
    const std::string symbol = text_of(draft.block, tag);
    if (symbol.empty()) continue;
    if (const SpaceGroup *group = by_name(symbol, draft.cell.alpha, draft.cell.gamma)) return group;
    if (draft.operators.empty())
      refuse(std::string(tag) + ": unknown space group '" + symbol.substr(0, 40) + "'");
  }
  for (const char *tag : {"_space_group_IT_number", "_symmetry_Int_Tables_number"}) {
    const std::string number = text_of(draft.block, tag);
    if (number.empty()) continue;
    const double value = number_of(number, tag, "");
    for (const SpaceGroup &group :
         gemmi::spacegroup_tables::main) // the first row of a number is its standard setting
      if (group.number == value) return by_name(group.hm, draft.cell.alpha, draft.cell.gamma);
    refuse(std::string(tag) + ": expected 1 to 230, got " + number.substr(0, 40));
  }
  return nullptr;
}

static void take_named(Draft &draft, const SpaceGroup *group) {
  if (group == nullptr)
    refuse("no symmetry: _space_group_symop_operation_xyz, _space_group_name_H-M_alt, _space_group_IT_number "
           "and "
           "their older names are missing");
  draft.operators = operators_of(group->operations());
  add_note(draft, "operators from the symbol, " + group->xhm() +
                      (group->ext == '1' ? ": the symbol may mean origin 1 or 2; positions tell, not the file"
                                         : ""));
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
  const bool is_listed = read_list(draft);
  const SpaceGroup *group = named_group(draft);
  if (!is_listed) take_named(draft, group);
  check_cell(draft);
  // Of listed operators, the symbol of the tables that means just these, if there is one.
  if (is_listed) group = gemmi::find_spacegroup_by_ops(gemmi::split_centering_vectors(draft.operators));
  draft.symbol = group != nullptr ? group->xhm() : "operators of no setting in the tables";
  draft.group = group != nullptr ? group->number : 0;
}

} // namespace moonbow

int crystal_group(const char *symbol, double alpha, double gamma,
                  crystal_operator operators[CRYSTAL_MOST_OPERATORS]) {
  try {
    const gemmi::SpaceGroup *group = moonbow::by_hall(symbol);
    if (group == nullptr) group = moonbow::by_name(symbol, alpha, gamma);
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
