-- Every file that documents and comments name exists: a path below one of our folders, the bare name of a source file,
-- a module, a link between documents. CHANGELOG.md may name removed files.
local lfs = require "lfs"

local folders = { "lua", "csrc", "spec", "docs", "experiments", "bench", "cmake", "rockspec", "tools", "bin",
  ".ci" }

-- Files of other programs, of examples and of users, which are not in the tree.
local elsewhere = {
  ["my_claim.lua"] = true, ["sweep.lua"] = true, ["program.c"] = true, -- files of the reader
  ["lua.h"] = true, ["lauxlib.h"] = true, ["linear.h"] = true, ["cblas.h"] = true, ["omp.h"] = true,
  ["math.h"] = true, ["script.lua"] = true, ["leaky_sum.c"] = true, ["test_leaky_sum.c"] = true,
}

-- ---- the tree ----

local files, names = {}, {} -- paths; paths by bare name

local function add(path)
  files[#files + 1] = path
  names[path:match "[^/]+$"] = path
end

local function walk(folder)
  for name in lfs.dir(folder) do
    local path = folder .. "/" .. name
    local mode = name ~= "." and name ~= ".." and lfs.attributes(path, "mode")
    if mode == "directory" then walk(path) elseif mode == "file" then add(path) end
  end
end

for _, folder in ipairs(folders) do walk(folder) end
for name in lfs.dir "." do
  if lfs.attributes(name, "mode") == "file" then add(name) end
end

local is_ours = {}
for _, folder in ipairs(folders) do is_ours[folder] = true end

-- ---- the text of a file: pairs of line number and text ----

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local function each_line(path, f)
  local number = 0
  for line in (read(path) .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    f(number, line)
  end
end

-- Finds a comment from a mark that begins a line or follows a blank.
local function comments_after(mark)
  return function(path, say)
    each_line(path, function(number, line)
      local text = (" " .. line):match("%s" .. mark .. "(.*)$")
      if text then say(number, text) end
    end)
  end
end

local function comments_of_c(path, say)
  local inside = false
  each_line(path, function(number, line)
    local text = inside and line or line:match "/%*(.*)$"
    inside = (text ~= nil) and not text:find("*/", 1, true)
    if text then say(number, text) end
  end)
end

local readers = {
  md = each_line, lua = comments_after "%-%-", c = comments_of_c, h = comments_of_c, sh = comments_after "#",
  cmake = comments_after "#", txt = comments_after "#", map = comments_after "#", run = comments_after "#",
}

local function reader_of(path)
  return path ~= "CHANGELOG.md" and readers[path:match "[^./]+$"]
end

-- ---- names that have to exist ----

local function exists(path)
  if path:find "%*" then
    local pattern = "^" .. path:gsub("[%p]", "%%%0"):gsub("%%%*", "[^/]*") .. "$"
    for _, file in ipairs(files) do
      if file:find(pattern) then return true end
    end
    return false
  end
  return lfs.attributes(path, "mode") ~= nil
end

-- A capital stands for a name: spec/NAME_spec.lua.
local function is_placeholder(path) return path:find "%f[%u]%u%u+" and not path:find "README" end

local function missing_path(word)
  local path = word:match "^%./(.*)$" or word
  path = path:gsub("[.,:;]+$", ""):gsub("/$", "")
  if not is_ours[path:match "^([^/]+)/" or ""] or is_placeholder(path) or exists(path)
    or elsewhere[path:match "[^/]+$"] then
    return nil
  end
  return path
end

local sources = { c = true, h = true, lua = true, sh = true, cmake = true, md = true }

local function missing_name(word)
  local name = word:match "^[%w_]+%.%l+"
  if not (name and sources[name:match "%l+$"]) or names[name] or elsewhere[name] or is_placeholder(name) then
    return nil
  end
  return name
end

local function missing_module(word)
  local path = word:match "^moonbow%.([%l%d_]+%.[%l%d_.]+)$"
  path = path and path:gsub("%.+$", ""):gsub("%.", "/")
  if not path or path == "core" or exists("lua/moonbow/" .. path .. ".lua") then return nil end
  return word
end

local function missing_link(page, text, say)
  for target in text:gmatch "%]%(([^)#]+)[^)]*%)" do
    local folder = page:match "^(.*/)" or ""
    if not target:find "^%a+:" and not exists(folder .. target) then say(target) end
  end
end

-- Calls say(name) for each name in the text of a file that does not exist.
local function missing(path, text, say)
  for word in text:gmatch "[%w_./*-]+" do
    local name = missing_path(word) or missing_name(word) or missing_module(word)
    if name then say(name) end
  end
  if path:find "%.md$" then missing_link(path, text, say) end
end

describe("a file that is named", function()
  it("in documents and comments exists", function()
    local found = {}
    for _, path in ipairs(files) do
      local each = reader_of(path)
      if each then
        each(path, function(number, text)
          missing(path, text, function(name) found[#found + 1] = ("%s:%d: %s"):format(path, number, name) end)
        end)
      end
    end
    assert.equal("", table.concat(found, "\n"))
  end)
  it("is noticed if it does not exist", function()
    local function names_in(text)
      local found = {}
      missing("docs/README.md", text, function(name) found[#found + 1] = name end)
      return found
    end
    assert.same({ "csrc/kernel/parallel.c" }, names_in "Threads are in `csrc/kernel/parallel.c`.")
    assert.same({ "parallel.c" }, names_in "see parallel.c, and matmul.c")
    assert.same({ "moonbow.nn.lanes" }, names_in "as in moonbow.nn.lanes or moonbow.nn.layer.")
    assert.same({ "guide/9_none.md" }, names_in "[none](guide/9_none.md) and [one](guide/1_tensors.md)")
    assert.same({ "csrc/kernel/lanes_*.c" }, names_in "csrc/kernel/lanes_*.c, csrc/kernel/simd_*.c, bench/NAME.lua")
  end)
end)
