// crystal.cpp - reads a structure of a CIF file; where exceptions become messages.
#include "crystal.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <gemmi/cif.hpp>
#include <gemmi/fprime.hpp>
#include <gemmi/it92.hpp>
#include <gemmi/numb.hpp>

namespace moonbow {

namespace cif = gemmi::cif;

constexpr double LEAST_LENGTH = 0.5, MOST_LENGTH = 1000; // of a cell, in angstrom
constexpr double LEAST_VOLUME = 1e-3;                    // as a share of the product of its lengths

void copy_text(char *to, size_t room, const std::string &text) {
  std::snprintf(to, room, "%s", text.c_str());
}

void add_note(Draft &draft, const std::string &text, const std::string &site) {
  auto note = draft.notes.begin();
  while (note != draft.notes.end() && note->text != text) ++note;
  if (note == draft.notes.end()) note = draft.notes.insert(note, Note{text, {}});
  if (!site.empty()) note->sites.push_back(site.substr(0, 40));
}

// "no position: H1, H2 and 6 more"
static std::string text_of(const Note &note) {
  std::string text = note.text;
  size_t listed = 0;
  while (listed < note.sites.size() && text.size() < CRYSTAL_REASON / 2)
    text += (listed == 0 ? ": " : ", ") + note.sites[listed], listed++;
  const size_t rest = note.sites.size() - listed;
  return rest > 0 ? text + " and " + std::to_string(rest) + " more" : text;
}

std::string text_of(cif::Block &block, const std::string &tag) {
  const cif::Column column = block.find_values(tag);
  return column.length() > 0 ? cif::as_string(column.at(0)) : std::string();
}

double number_of(const std::string &value, const std::string &tag, const std::string &of) {
  const double number = cif::as_number(value);
  if (!std::isfinite(number))
    refuse(tag + (of.empty() ? "" : " of " + of) + ": expected a number, got '" + value.substr(0, 40) + "'");
  return number;
}

static void read_cell(Draft &draft) {
  static const char *const names[] = {"length_a",    "length_b",   "length_c",
                                      "angle_alpha", "angle_beta", "angle_gamma"};
  double values[6];
  for (int i = 0; i < 6; i++) {
    const std::string tag = std::string("_cell_") + names[i];
    const cif::Column column = draft.block.find_values(tag);
    if (column.length() == 0 && i >= 3) { // CIF's default
      values[i] = 90;
      continue;
    }
    if (column.length() == 0) refuse(tag + " is missing: a crystal needs its cell");
    values[i] = number_of(column.at(0), tag, "");
    if (i < 3 && !(values[i] >= LEAST_LENGTH && values[i] <= MOST_LENGTH))
      refuse(tag + ": expected 0.5 to 1000 angstrom, got " + column.at(0));
    if (i >= 3 && !(values[i] > 1 && values[i] < 179))
      refuse(tag + ": expected an angle of 1 to 179 degrees, got " + column.at(0));
  }
  draft.cell.set(values[0], values[1], values[2], values[3], values[4], values[5]);
  if (!(draft.cell.volume > LEAST_VOLUME * values[0] * values[1] * values[2]))
    refuse("_cell_angle_alpha, beta and gamma: no cell has these three angles");
}

// "_cell.length_a" of newer dictionaries as "_cell_length_a".
static void use_old_names(cif::Block &block) {
  const auto rename = [](std::string &tag) {
    const size_t dot = tag.find('.');
    if (dot != std::string::npos) tag[dot] = '_';
  };
  for (cif::Item &item : block.items) {
    if (item.type == cif::ItemType::Pair) rename(item.pair[0]);
    if (item.type == cif::ItemType::Loop)
      for (std::string &tag : item.loop.tags) rename(tag);
  }
}

static bool has_atoms(cif::Block &block) {
  return block.find_values("_atom_site_fract_x").length() > 0;
}

// Returns the block of a name, or the first one that holds atoms, and the names of others that hold some.
static cif::Block &choose(cif::Document &file, const char *name, std::string &others) {
  cif::Block *chosen = nullptr;
  for (cif::Block &block : file.blocks) {
    if (name != nullptr ? block.name != name : !has_atoms(block)) continue;
    if (chosen == nullptr)
      chosen = &block;
    else if (others.size() < 100)
      others += (others.empty() ? "" : ", ") + block.name.substr(0, 40);
  }
  if (chosen == nullptr && name != nullptr) refuse("it has no block '" + std::string(name) + "'");
  if (chosen == nullptr) refuse("no block holds _atom_site_fract_x: it is no crystal structure");
  return *chosen;
}

template <class T> static T *copy_of(const std::vector<T> &list) {
  T *copy = static_cast<T *>(std::malloc(list.size() * sizeof(T)));
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, list.data(), list.size() * sizeof(T));
  return copy;
}

static std::vector<crystal_operator> plain(const std::vector<gemmi::Op> &operators) {
  std::vector<crystal_operator> list;
  for (const gemmi::Op &op : operators) {
    crystal_operator one;
    for (int i = 0; i < 9; i++) one.rotation[i] = op.rot[i / 3][i % 3] / gemmi::Op::DEN;
    for (int i = 0; i < 3; i++) one.translation[i] = op.tran[i];
    list.push_back(one);
  }
  return list;
}

// Fills a crystal; what was allocated before an exception is freed by its caller.
static void finish(crystal &to, const Draft &draft) {
  copy_text(to.block, sizeof to.block, draft.block.name);
  copy_text(to.symbol, sizeof to.symbol, draft.symbol);
  to.group = draft.group;
  const gemmi::UnitCell &cell = draft.cell;
  const double values[6] = {cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma};
  std::memcpy(to.cell, values, sizeof values);
  to.operators = copy_of(plain(draft.operators));
  to.sites = copy_of(draft.sites);
  to.atoms = copy_of(draft.atoms);
  to.operator_count = static_cast<int>(draft.operators.size());
  to.site_count = static_cast<int>(draft.sites.size());
  to.atom_count = static_cast<int>(draft.atoms.size());
  for (const Note &note : draft.notes)
    if (to.note_count < CRYSTAL_MOST_NOTES)
      copy_text(to.notes[to.note_count++], CRYSTAL_REASON, text_of(note));
}

static void read_block(crystal &to, cif::Document &file, const char *name) {
  std::string others;
  cif::Block &block = choose(file, name, others);
  try {
    Draft draft{block};
    if (!others.empty())
      add_note(draft, "block " + block.name.substr(0, 40) + " was read; others hold atoms, too: " + others);
    read_cell(draft);
    read_symmetry(draft);
    read_sites(draft);
    expand_atoms(draft);
    finish(to, draft);
  } catch (const std::bad_alloc &) {
    throw;
  } catch (const std::exception &fault) {
    refuse("block " + block.name.substr(0, 40) + ": " + fault.what());
  }
}

// "line:9:1: reason" of the parser as "line 9: reason".
static std::string readable(std::string message) {
  if (message.compare(0, 5, "line:") != 0) return message;
  message[4] = ' ';
  const size_t colon = message.find(':'), digits = colon == std::string::npos ? colon : colon + 1;
  const size_t end = colon == std::string::npos ? colon : message.find_first_not_of("0123456789", digits);
  if (end != std::string::npos && end > digits && message[end] == ':') message.erase(colon, end - colon);
  return message;
}

} // namespace moonbow

crystal *crystal_read(const char *bytes, size_t size, const char *block, char reason[CRYSTAL_REASON]) {
  crystal *to = static_cast<crystal *>(std::calloc(1, sizeof *to));
  try {
    if (to == nullptr) throw std::bad_alloc();
    if (size > CRYSTAL_MOST_BYTES) moonbow::refuse("it has more than 64 MiB, which no structure needs");
    const size_t mark = size >= 3 && std::memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0; // of UTF-8
    gemmi::cif::Document file = gemmi::cif::read_memory(bytes + mark, size - mark, "line");
    for (gemmi::cif::Block &found : file.blocks) moonbow::use_old_names(found);
    moonbow::read_block(*to, file, block);
    return to;
  } catch (const std::bad_alloc &) {
    std::snprintf(reason, CRYSTAL_REASON, "not enough memory");
  } catch (const std::exception &fault) {
    moonbow::copy_text(reason, CRYSTAL_REASON, moonbow::readable(fault.what()));
  } catch (...) {
    std::snprintf(reason, CRYSTAL_REASON, "it cannot be read");
  }
  crystal_free(to);
  return nullptr;
}

void crystal_free(crystal *structure) {
  if (structure == nullptr) return;
  std::free(structure->operators);
  std::free(structure->sites);
  std::free(structure->atoms);
  std::free(structure);
}

/* The form factor of the neutral atom: since gemmi 0.6 the table takes a charge. */
template <class Table> static auto neutral(gemmi::El element, int) -> decltype(Table::get(element, 0)) {
  return Table::get(element, 0);
}
template <class Table> static auto neutral(gemmi::El element, long) -> decltype(Table::get(element)) {
  return Table::get(element);
}

bool crystal_form_factor(int number, double coefficients[9]) {
  if (number < 1 || number > 98) return false;
  const auto &entry = neutral<gemmi::IT92<double>>(static_cast<gemmi::El>(number), 0);
  for (size_t i = 0; i < 9; i++) coefficients[i] = entry.coefs[i];
  return true;
}

bool crystal_dispersion(int number, double energy, double *real, double *imaginary) {
  *real = *imaginary = 0;
  if (number < 3 || number > 92) return false;
  *real = gemmi::cromer_liberman(number, energy, imaginary);
  return true;
}
