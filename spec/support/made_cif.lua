--- The text of a CIF.
-- @param cell a, b, c, alpha, beta, gamma
-- @param lines further tags, such as those of the symmetry
-- @param columns of the sites behind _atom_site_
-- @param sites a line for each
return function(cell, lines, columns, sites)
  local text = { "data_made" }
  for i, name in ipairs { "length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma" } do
    text[#text + 1] = ("_cell_%s %s"):format(name, cell[i])
  end
  text[#text + 1] = lines .. "\nloop_"
  for column in columns:gmatch "%S+" do text[#text + 1] = "_atom_site_" .. column end
  text[#text + 1] = sites
  return table.concat(text, "\n") .. "\n"
end
