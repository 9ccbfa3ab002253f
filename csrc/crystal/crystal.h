/* crystal.h - crystal structures in CIF files, form factors and dispersion, from gemmi's headers (C++),
 * behind a C interface. No exception leaves it, and what a file states is bounded before it is believed. */
#ifndef CRYSTAL_H
#define CRYSTAL_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  CRYSTAL_TEXT = 64,             /* bytes of a name */
  CRYSTAL_REASON = 256,          /* bytes of a message */
  CRYSTAL_MOST_NOTES = 20,       /* more than there are kinds of notes */
  CRYSTAL_MOST_OPERATORS = 192,  /* of a space group in a conventional cell */
  CRYSTAL_MOST_SITES = 5000,     /* of one block */
  CRYSTAL_MOST_ATOMS = 100000,   /* sites times operators */
  CRYSTAL_MOST_BYTES = 64 << 20, /* of a file */
  CRYSTAL_DENOMINATOR = 24       /* of translations */
};

typedef struct {
  char label[CRYSTAL_TEXT], element[4];
  int number, charge; /* of the element; of the ion */
  double mass;
  double position[3], occupancy;
  double u_iso; /* square angstrom; NAN: the file has none */
  bool is_anisotropic;
  double u[6]; /* U11, U22, U33, U12, U13, U23 in square angstrom */
  int multiplicity;
} crystal_site;

typedef struct {
  int rotation[9], translation[3]; /* translation in 24ths */
} crystal_operator;

/* An atom of the cell: a site, moved by an operator. */
typedef struct {
  int site; /* counted from 0 */
  double position[3];
  double u_star[6]; /* of an anisotropic site: U in the basis of the cell, 11, 22, 33, 12, 13, 23 */
} crystal_atom;

typedef struct {
  char block[CRYSTAL_TEXT], symbol[CRYSTAL_TEXT];
  int group;      /* number of the space group; 0: not in the tables */
  double cell[6]; /* angstrom and degrees */
  crystal_operator *operators;
  crystal_site *sites;
  crystal_atom *atoms;
  int operator_count, site_count, atom_count;
  char notes[CRYSTAL_MOST_NOTES][CRYSTAL_REASON];
  int note_count;
} crystal;

/* Reads the block of this name; NULL: the first block with atoms. Returns NULL and leaves the reason if it
 * cannot be used. */
crystal *crystal_read(const char *bytes, size_t size, const char *block, char reason[CRYSTAL_REASON]);
void crystal_free(crystal *structure);

/* The operators of a space group by Hall or Hermann-Mauguin symbol; 0 if it is not known. alpha and gamma
 * tell hexagonal from rhombohedral cells. */
int crystal_group(const char *symbol, double alpha, double gamma,
                  crystal_operator operators[CRYSTAL_MOST_OPERATORS]);
/* Hermann-Mauguin symbol, with the letter of the setting, of row i of gemmi's table of settings; false behind
 * its end. */
bool crystal_setting(int i, int *number, char symbol[CRYSTAL_TEXT]);

/* f = sum of a exp(-b s^2) + c, s = sin(theta)/lambda (International Tables C, 1992): a1 to a4, b1 to b4, c
 * of the neutral atom. false: the tables end at Cf (98). */
bool crystal_form_factor(int number, double coefficients[9]);
/* f' and f" of Cromer and Liberman (1981) at an energy in eV; false: from Li (3) to U (92) only, both are 0.
 */
bool crystal_dispersion(int number, double energy, double *real, double *imaginary);

#ifdef __cplusplus
}
#endif

#endif
