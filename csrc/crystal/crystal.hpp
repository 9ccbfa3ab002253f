// crystal.hpp - shared by the C++ files of moonbow.crystal: operators and atoms of a structure while it is
// read.
#ifndef CRYSTAL_HPP
#define CRYSTAL_HPP

#include "crystal.h"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include <gemmi/cifdoc.hpp>
#include <gemmi/symmetry.hpp>
#include <gemmi/unitcell.hpp>

namespace moonbow {

// What was left out or interpreted: a text, and the sites that it holds for.
struct Note {
  std::string text;
  std::vector<std::string> sites;
};

// A structure that is being read; its parts become the arrays of a crystal.
struct Draft {
  gemmi::cif::Block &block;
  gemmi::UnitCell cell{};
  std::string symbol{};
  int group = 0;
  std::vector<gemmi::Op> operators{};
  std::vector<crystal_site> sites{};
  std::vector<crystal_atom> atoms{};
  std::vector<Note> notes{};
};

// Ends the reading; the message names block and tag.
[[noreturn]] inline void refuse(const std::string &message) {
  throw std::runtime_error(message);
}

void copy_text(char *to, size_t room, const std::string &text);

// Adds a note, or a site to the note of the same text.
void add_note(Draft &draft, const std::string &text, const std::string &site = {});

// The value of a tag without its quotes; empty if it is missing, ? or .
std::string text_of(gemmi::cif::Block &block, const std::string &tag);
// The number of a value, without its deviation in brackets; refuses what is no finite number.
double number_of(const std::string &value, const std::string &tag, const std::string &of);

void read_symmetry(Draft &draft); // symmetry.cpp
void read_sites(Draft &draft);    // sites.cpp
void expand_atoms(Draft &draft);  // atoms.cpp

} // namespace moonbow

#endif
