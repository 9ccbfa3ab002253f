-- Changes small files at random and reads them: a reader returns a value, or nil and a message of printable UTF-8; it
-- raises nothing, and memory stays bounded. Files that fail are kept beside the temporary files and named.
--   build/lua spec/nightly/fuzz.lua FILES SEED [TARGET...]    e.g. 20000 1 csv npz; FILES for each target, or 600s: so
--                                                             many seconds
package.path = "spec/nightly/?.lua;spec/?.lua;experiments/?.lua;" .. package.path
local usage = "usage: build/lua spec/nightly/fuzz.lua FILES|SECONDSs SEED [TARGET...]"
local lfs = require "lfs"
local clock = require "moonbow.clock"
local temporary_folder = require "support.temporary_folder"

local MOST_MEGABYTES = 1500 -- resident, at any time; mb.limits bounds the memory for small files

local values = { "0", "-1", "1", "2", "1e9", "2147483647", "2147483648", "4294967296", "1099511627776",
  "9223372036854775807", "-9223372036854775808", "1.5", "1e308", "1e400", "null", "true", '"x"', "[]", "{}", "[1]",
  "[[1]]", '""', "NaN", "-0" }
local bits = { ",", ";", "\t", " ", "\n", "\r", '"', '""', "#", ".", "-", "e", "1e39", "400", "401,5", "\0", "\xe9",
  "\u{202f}", "NaN", "sep=,\n", "0x1p3", "\27[2J", ",,,,,,", "\n\n", "#\n" }

local function any(list) return list[math.random(#list)] end

local byte_changes = {
  function(text, at) return text:sub(1, at - 1) .. string.char(math.random(0, 255)) .. text:sub(at + 1) end,
  function(text, at) return text:sub(1, at - 1) .. text:sub(at + math.random(8)) end,
  function(text, at) return text:sub(1, at) .. text:sub(math.max(1, at - math.random(16)), at) .. text:sub(at + 1) end,
  function(text, at)
    return text:sub(1, at - 1) .. string.char(text:byte(at) ~ 1 << math.random(0, 7)) .. text:sub(at + 1)
  end,
  function(text, at)
    return text:sub(1, at - 1) .. string.pack(any { "<I2", "<I4", "<I8" }, math.random(0, 65535)) .. text:sub(at + 4)
  end,
  function(text, at) return text:sub(1, at - 1) .. any(bits) .. text:sub(at) end,
  function(text, at) return text:sub(1, at) end,
}

local function change_bytes(text)
  for _ = 1, math.random(3) do
    if #text == 0 then return "x" end
    text = any(byte_changes)(text, math.random(#text))
  end
  return text
end

-- Replaces a number or word of JSON, or removes or doubles a member.
local function change_json(text)
  local is_member = math.random(3) == 1
  local places = {}
  for first, behind in text:gmatch(is_member and '()\\?"[%w_%.]+\\?":[%d%[%]"\\a-z%.]+,?()' or
    "()%f[%w%-]%-?%w[%w%.]*()") do
    places[#places + 1] = { first, behind - 1 }
  end
  if #places == 0 then return text end
  local first, last = table.unpack(any(places))
  local new = is_member and any { "", text:sub(first, last) .. "," .. text:sub(first, last) } or any(values)
  if text:find('\\"', 1, true) and math.random(2) == 1 then new = new:gsub('"', '\\"') end
  return text:sub(1, first - 1) .. new:gsub(",,", ",") .. text:sub(last + 1)
end

local function change(text, has_json)
  if not has_json or math.random(4) == 1 then return change_bytes(text) end
  if text:sub(1, 1) == "{" then return change_json(text) end
  local length = string.unpack("<I8", text)
  local header, data = text:sub(9, 8 + length), text:sub(9 + length)
  for _ = 1, math.random(2) do header = change_json(header) end
  return string.pack("<I8", #header) .. header .. (math.random(6) == 1 and change_bytes(data) or data)
end

local function resident_megabytes()
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match "VmHWM:%s+(%d+)"
    if kilobytes then return tonumber(kilobytes) // 1024 end
  end
  return 0
end

local function fault_of(read, path)
  local ok, value, message = pcall(read, path)
  if not ok then return "raised " .. tostring(value) end
  if value == nil and (type(message) ~= "string" or not utf8.len(message) or message:find "[\0-\8\11-\31]") then
    return ("answered nil and %q"):format(message)
  end
  if value == nil and (message:find "attempt to %l+ a" or message:find "bad argument #") then
    return "took a programming error for bad input: " .. message
  end
  if not os.getenv "ASAN_OPTIONS" and resident_megabytes() > MOST_MEGABYTES then
    return ("took %d MB"):format(resident_megabytes())
  end
  return nil, value ~= nil
end

local function write(path, bytes)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

local function kept_files(name)
  local files, folder = {}, "spec/corpus/" .. name
  if not lfs.attributes(folder) then return files end
  for entry in lfs.dir(folder) do
    if entry:sub(1, 1) ~= "." then
      local file = assert(io.open(folder .. "/" .. entry, "rb"))
      files[#files + 1] = file:read "a"
      file:close()
    end
  end
  return files
end

-- most: { files, seconds }
local function fuzz(name, target, most, folder)
  local files, path, read, faults = kept_files(name), folder .. "/file", 0, 0
  local kept, start, i = #files, clock(), 0
  table.move(target.files, 1, #target.files, kept + 1, files)
  while i < kept + most.files and clock() - start < most.seconds do
    i = i + 1
    local text = i <= kept and files[i] or target.make and target.make() or any(files)
    if i > kept and not target.make then
      text = change(text, target.json and text:find '^........{"' or text:sub(1, 1) == "{")
    end
    write(path, text)
    local fault, was_read = fault_of(target.read, path)
    read = read + (was_read and 1 or 0)
    if fault then
      faults = faults + 1
      local finding = ("%s.%s.%d"):format(folder, name, i)
      write(finding, text)
      print(("FAULT %s: %s: %s"):format(name, finding, fault))
      if faults == 5 then break end
    end
  end
  print(("%-12s %d files, %d of them read, in %.0f s"):format(name, i, read, clock() - start))
  io.stdout:flush()
  return faults
end

local seconds, seed = tonumber((arg[1] or ""):match "^(%d+)s$"), tonumber(arg[2])
local most = { files = seconds and math.huge or tonumber(arg[1]), seconds = seconds or math.huge }
assert(most.files and seed, usage)
local folder = temporary_folder()
local targets, names, faults = require "fuzz_targets"(folder), { table.unpack(arg, 3) }, 0
if #names == 0 then
  for name in pairs(targets) do names[#names + 1] = name end
  table.sort(names)
end
for _, name in ipairs(names) do
  math.randomseed(seed)
  faults = faults + fuzz(name, assert(targets[name], usage), most, folder)
end
os.execute("rm -r " .. folder)
os.exit(faults == 0 and 0 or 1, true)
