--- All public functions, methods, modules and names, found at run time, with their doc comments.
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local elementwise = require "moonbow.elementwise"
local source = require "moonbow.help.source"
local topics = require "moonbow.help.topics"

local entries = {}

-- ---- the comment on a thing ----

-- The file of a module or class, if it has another name.
local homes = {
  [""] = "init", rng = "random", step = "steps", initializer = "initializers", activation = "activations",
  loss = "row_losses", augmentation = "augment",
}

local function stands_in(file, home)
  return home == "" or ("/" .. file):find("/" .. home .. "%f[/.]") ~= nil
end

-- The comment right above the line on which a Lua function begins.
local function comment_above(comments, f)
  local info = debug.getinfo(counted.original(f), "S")
  local path = info.source:match "^@(.*)$"
  if not path or path:sub(1, #source.root) ~= source.root then return nil end
  return comments.at[path:sub(#source.root + 1) .. ":" .. info.linedefined]
end

local function comment_by_name(comments, name, home)
  for _, comment in ipairs(comments.named[name] or {}) do
    if stands_in(comment.file, home) then return comment end
  end
end

-- Of several files of this name, that of the module is the nearest to the root.
local function header_of(comments, home)
  local nearest
  for _, comment in ipairs(comments.headers) do
    local has_name = ("/" .. comment.file):find("/" .. home .. ".lua", 1, true)
    if has_name and (not nearest or #comment.file < #nearest.file) then nearest = comment end
  end
  return nearest
end

-- The comment on an entry: that above the function; else by its name in the files of its module.
local function comment_on(comments, entry)
  local home = homes[entry.module] or entry.module:match "[%w_]+$"
  if entry.kind == "class" then return comment_by_name(comments, entry.path, "") end
  if entry.kind == "module" then return header_of(comments, entry.name) end
  return type(entry.value) == "function" and comment_above(comments, entry.value)
    or comment_by_name(comments, entry.name, home) or entry.kind == "value" and header_of(comments, entry.name)
end

-- ---- options and arguments ----

-- Appends the options in a table of defaults, those that must be given first, each before those inside it.
local function add_options(list, known, prefix)
  local described = check.described(known)
  for _, is_required in ipairs { true, false } do
    for _, name in ipairs(check.sorted_keys(described)) do
      local option = described[name]
      if (option.required or false) == is_required then
        option.name = prefix .. name
        list[#list + 1] = option
        if option.inner then add_options(list, option.inner, option.name .. ".") end
      end
    end
  end
  return list
end

-- The names of a Lua function's parameters, nil if it is variadic or written in C.
local function parameter_names(f)
  f = counted.original(f)
  local info, names = debug.getinfo(f, "u"), {}
  if info.isvararg then return nil end
  for i = 1, info.nparams do names[i] = debug.getlocal(f, i) end
  return names
end

-- The table of options, as an argument: needed if an option is.
local function options_parameter(entry)
  local first = entry.options[1] -- those that must be given come first
  return { name = "options", optional = not (first and first.required), type = "table", text = "", is_options = true }
end

-- The parameters of a function or method, from the code, with their texts from the comment.
local function parameters_of(entry, said)
  local names = parameter_names(entry.value)
  local is_table_only = entry.taken and entry.taken.position == 1 and entry.kind ~= "method"
  if is_table_only and #said == 0 then return { options_parameter(entry) } end
  if not names then return said end
  if entry.kind == "method" then table.remove(names, 1) end
  local parameters, by_name = {}, {}
  for _, parameter in ipairs(said) do by_name[parameter.name] = parameter end
  for i, name in ipairs(names) do
    local is_options = entry.taken and entry.taken.position == i
    parameters[i] = by_name[name] or is_options and options_parameter(entry)
      or { name = name, type = "any", text = "", unsaid = true }
  end
  return parameters
end

-- "mb.fit(model, set, options?)", or "mb.nn.Conv1d { filters, kernel, ... }".
local function signature_of(entry)
  local shown = {}
  local prefix = (entry.kind == "method" and "" or "mb.") .. entry.path
  local first = entry.parameters[1]
  if first and first.is_options and entry.kind ~= "method" then
    for _, option in ipairs(entry.options) do
      if option.required and not option.name:find ".%." then shown[#shown + 1] = option.name end
    end
    if #shown < #entry.options then shown[#shown + 1] = "..." end
    return ("%s { %s }"):format(prefix, table.concat(shown, ", ")):gsub("{  }", "{}")
  end
  for i, parameter in ipairs(entry.parameters) do
    shown[i] = parameter.name .. (parameter.optional and "?" or "")
  end
  return ("%s(%s)"):format(prefix, table.concat(shown, ", "))
end

-- ---- entries ----

local abbreviations = { al = true, ["e.g"] = true, ["i.e"] = true }

--- The first sentence of a text: up to a full stop that neither stands in brackets nor ends an abbreviation.
function entries.summary(text)
  local first = (text:match "^(.-)\n\n" or text):gsub("%s+", " ")
  for stop in first:gmatch "()%. [%u%l]" do
    local sentence = first:sub(1, stop)
    local _, opened = sentence:gsub("[({]", "")
    local _, closed = sentence:gsub("[)}]", "")
    local is_end = not sentence:find "%.%.$" and not abbreviations[sentence:match "([%a.]+)%.$"]
    if opened == closed and is_end then return sentence end
  end
  return first
end

-- The kinds of entries that a row of elementwise functions describes, with their modules.
local rows_for = { method = "tensor", activation = "activation", ["function"] = "nn" }

local function fill(entry, comments)
  local row = rows_for[entry.kind] == entry.module and elementwise.help(entry.name)
  local comment = comment_on(comments, entry) or row and { lines = row, file = "elementwise.lua" }
  entry.comment = comment
  local parts = source.parts(entry.comment and entry.comment.lines or {})
  for key, value in pairs(parts) do entry[key] = value end
  entry.said_options, entry.said_parameters = parts.options, parts.params
  entry.file, entry.summary = comment and comment.file or "init.lua", entries.summary(parts.text)
  local known = entry.known or entry.taken and entry.taken.known
  entry.options = known and add_options({}, known, "") or {}
  entry.parameters = parts.params
  if type(entry.value) == "function" then
    entry.parameters = parameters_of(entry, parts.params)
    entry.signature = (signature_of(entry))
  end
end

local function add(list, module, separator, name, kind, value, known)
  local is_function = type(value) == "function"
  list[#list + 1] = {
    module = module, name = name, kind = kind, value = value, known = known,
    path = module == "" and name or module .. separator .. name,
    taken = is_function and check.taken(counted.original(value)) or nil,
  }
end

-- The functions and tables of a table, and of the tables in it.
local function add_module(list, module, values)
  for _, name in ipairs(check.sorted_keys(values)) do
    local value = values[name]
    local is_table = type(value) == "table" and not getmetatable(value) and #value == 0
    local kind = type(value) == "function" and "function" or is_table and "module" or "value"
    add(list, module, ".", name, kind, value)
    if is_table then add_module(list, module == "" and name or module .. "." .. name, value) end
  end
end

-- Names that stand in options: { kind, names, table of each with its options }.
local function named_things()
  local kinds, steps = require("moonbow.train.schedule").kinds, require "moonbow.data.steps"
  local losses, augment = require "moonbow.train.row_losses", require "moonbow.train.augment"
  return {
    { "activation", check.sorted_keys(require("moonbow.nn.activations").functions) },
    { "augmentation", augment.names, function(name) return augment.kinds[name].defaults end },
    { "initializer", require("moonbow.nn.initializers").names },
    { "loss", losses.names, function(name) return losses.kinds[name].defaults end },
    { "schedule", check.sorted_keys(kinds), function(name) return kinds[name].defaults end },
    { "step", check.sorted_keys(steps), function(name) return steps[name].options end },
  }
end

-- Takes the texts of options without one from the entries named by @see.
local function inherit(entry, by_path)
  for _, option in ipairs(entry.options) do
    option.text = entry.said_options[option.name]
    for _, path in ipairs(option.text and {} or entry.see) do
      option.text = option.text or by_path[path] and by_path[path].said_options[option.name]
    end
  end
end

local cache

--- All entries, in the order of topics: { path ("nn.Conv1d", "tensor:sum", "class tensor", 'step "snv"'), module, name,
-- kind ("function", "method", "module", "class", "value" or that of a name), value, topic, signature, summary, text,
-- parameters, options, returns, fields, usage, see, file }.
function entries.all(mb)
  if cache then return cache end
  local list, comments, by_path = {}, source.read(), {}
  add_module(list, "", mb)
  for class, methods in pairs(counted.classes) do
    add(list, "", "", class, "class", methods)
    list[#list].path = "class " .. class
    for _, name in ipairs(check.sorted_keys(methods)) do
      local f = methods[name]
      if type(f) == "function" and name:sub(1, 2) ~= "__" and not counted.is_inside(class, name) then
        add(list, class, ":", name, "method", f)
      end
    end
  end
  for _, things in ipairs(named_things()) do
    for _, name in ipairs(things[2]) do
      add(list, things[1], " ", name, things[1], name, things[3] and things[3](name))
      list[#list].path = ('%s "%s"'):format(things[1], name)
    end
  end
  for _, entry in ipairs(list) do
    fill(entry, comments)
    by_path[entry.path] = entry
  end
  for _, entry in ipairs(list) do inherit(entry, by_path) end
  cache = topics.sort(list)
  return cache
end

--- The doc comment of a function of moonbow that is not public: { text, name }; or nil.
function entries.of_inner(f)
  local comment = comment_above(source.read(), f)
  if not comment then return nil end
  return { text = source.parts(comment.lines).text, name = comment.names[1] or "function" }
end

return entries
