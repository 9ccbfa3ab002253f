--- The options of the call that the cursor is in.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local members = require "moonbow.prompt.members"
local activations = require "moonbow.nn.activations"
local initializers = require "moonbow.nn.initializers"

local options = {}

--- The function that a chain of names (see moonbow.prompt.scan) stands for; of an object that is the result of a call,
-- the method of tensors or generators. Nil if none is known.
function options.callee(chain)
  local f = members.resolve(chain)
  if f == nil and chain and chain.method then
    f = core.tensor_methods[chain[#chain]] or core.rng_methods[chain[#chain]]
  end
  return type(f) == "function" and counted.original(f) or nil
end

-- The options that a function takes as its argument at a position, by name.
local function taken_at(chain, position)
  local f = options.callee(chain)
  local taken = f and check.taken(f)
  return taken and taken.position == position and check.described(taken.known) or nil
end

--- The options, as check.described gives them, of the table that the innermost bracket opens; nil for any other table.
-- @param open the brackets, from scan.open
-- @param depth which of them; the innermost by default
function options.at(open, depth)
  depth = depth or #open
  local bracket, outer = open[depth], open[depth - 1]
  if not bracket or bracket.byte ~= "{" then return nil end
  if bracket.callee then return taken_at(bracket.callee, 1) end
  if bracket.key then
    local around = options.at(open, depth - 1)
    local option = around and around[bracket.key]
    return option and option.inner and check.described(option.inner) or nil
  end
  if outer and outer.byte == "{" and outer.key then return options.at(open, depth - 1) end -- of a list
  if outer and outer.byte == "(" and outer.callee then return taken_at(outer.callee, outer.argument) end
end

--- True if the table of options could begin here: the innermost bracket is a call's, at the argument that holds the
-- options of its function.
function options.expected(open)
  local bracket = open[#open]
  return bracket and bracket.byte == "(" and bracket.callee and taken_at(bracket.callee, bracket.argument) ~= nil
end

local by_name = {
  { "activation$", activations.names }, { "initializer$", initializers.names },
  { "^loss$", { "cross_entropy", "mse" } }, { "^padding$", { "valid", "same", "causal" } },
}

--- The strings that are values of an option, or nil.
function options.values(name, option)
  if option.names then return option.names end
  for _, pair in ipairs(by_name) do
    if name:find(pair[1]) and (option.kinds or ""):find "string" then return pair[2] end
  end
end

--- The strings that may be the first entry of the table of options in which the cursor is, if it is there, or nil.
function options.entries(text, open)
  local bracket, around = open[#open], options.at(open, #open - 1)
  local option = around and bracket.key and around[bracket.key]
  local first = option and option.inner and option.inner[1]
  local is_first = bracket and bracket.at == bracket.begin and not text:find("%S", bracket.begin + 1)
  return first and is_first and first.names or nil
end

--- The option whose value begins at the cursor, or nil: its name, and its entry of check.described.
function options.of_value(text, open)
  local bracket = open[#open]
  if not bracket or bracket.byte ~= "{" or text:sub(bracket.at, bracket.at) ~= "=" then return nil end
  local name = text:sub(math.max(1, bracket.at - 100), bracket.at - 1):match "([%a_][%w_]*)%s*$"
  local known = options.at(open)
  if known and known[name] then return name, known[name] end
end

return options
