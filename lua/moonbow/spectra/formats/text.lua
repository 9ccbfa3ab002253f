--- Tables of text, which mb.data.read_csv reads. The last format to be tried: any other text is one of these or none.
local core = require "moonbow.core"
local read_csv = require "moonbow.io.read_csv"

local text = { name = "text", title = "a table of text" }

function text.matches(source) return not source.bytes:find("\0", 1, true) end

function text.read(source)
  local options = source.options
  local set, err = read_csv(source.path, { separator = options.separator, decimal = options.decimal,
    comment = options.comment })
  if not set then source:fail("%s", (err:gsub("^" .. source.path:gsub("%p", "%%%0") .. ": ", ""))) end
  for _, note in ipairs(set.notes) do source:note("%s", note) end
  return { { y = core.reshape(set.x, core.size(set.x, 1), core.size(set.x, 2)), x = set.axis, labels = set.labels,
    columns = set.columns, decided = "the file does not say what its values are" } }
end

return text
