--- Numbers in text, the same in every locale.
local core = require "moonbow.core"

local numbers = {}

--- Reads numbers between blanks, commas, semicolons, tabs or line breaks into a list, in double precision.
-- @param text string
-- @return the list; or nil and the first word that is not a finite number
function numbers.list(text) return core.numbers_list(text) end

--- Reads numbers as numbers.list does, into a tensor (N). A number beyond float32 is none.
function numbers.tensor(text) return core.numbers_tensor(text) end

--- Reads the numbers of a part of a text in turn into columns, in double precision. A column (csrc/bind/column.c) is
-- read as a list is, and takes 8 bytes for each number; numbers.list_of makes a list of it.
-- @param part { text, first, last, marks }: the bytes from first to last (nil: all), and letters for what stands beside
--   numbers (csrc/bind/words.h): "n" nan and inf are numbers, "t" numbers beyond float32 are none
-- @param columns list; false in the place of a column leaves its numbers out
-- @return the count of the numbers, and of the "?" that mark "?" takes for nan; or nil and the first word that is no
--   finite number
function numbers.columns(part, columns)
  return core.numbers_columns(part.text, part.first, part.last, part.marks or "", columns)
end

--- Returns a column as a list, and empties it; returns a list as it is.
function numbers.list_of(column) return type(column) == "userdata" and core.column_list(column) or column end

return numbers
