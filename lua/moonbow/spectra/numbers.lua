--- Numbers in text, the same in every locale.
local core = require "moonbow.core"

local numbers = {}

--- Reads numbers between blanks, commas, semicolons, tabs or line breaks into a list, in double precision.
-- @param text string
-- @param decimal "." (default), or "," which then separates no numbers
-- @param takes_nan true: nan and inf, in any case, are numbers
-- @return the list; or nil and the first word that is not a finite number
function numbers.list(text, decimal, takes_nan) return core.numbers_list(text, decimal, takes_nan) end

--- Reads numbers as numbers.list does, into a tensor (N). A number beyond float32 is none.
function numbers.tensor(text, decimal, takes_nan) return core.numbers_tensor(text, decimal, takes_nan) end

return numbers
