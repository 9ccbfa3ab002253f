-- What libFuzzer started from and found (csrc/test/fuzz): each script reads the files of its corpus without a fault.
local lfs = require "lfs"
local core = require "moonbow.core"

local folder = "csrc/test/fuzz/"

local function bytes_of(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read "a"
  file:close()
  return bytes
end

local function names_in(path, pattern)
  local names = {}
  for name in lfs.dir(path) do names[#names + 1] = name:match(pattern) end
  table.sort(names)
  return names
end

describe("the corpus of", function()
  for _, name in ipairs(names_in(folder, "^(.*)%.lua$")) do
    it(name .. " is read without a fault, whole and cut off", function()
      local check = assert(loadfile(folder .. name .. ".lua"))(core)
      local inputs = names_in(folder .. "corpus/" .. name, "^[^.].*$")
      assert.is_true(#inputs > 0)
      for _, input in ipairs(inputs) do
        local bytes = bytes_of(folder .. "corpus/" .. name .. "/" .. input)
        for _, length in ipairs { #bytes, 0, #bytes // 2, #bytes - 1 } do
          local ok, message = pcall(check, bytes:sub(1, length))
          assert(ok, ("%s, %d bytes: %s"):format(input, length, message))
        end
      end
    end)
  end
end)
