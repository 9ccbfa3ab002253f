-- Damaged copies of a file, for readers: each must be read, or refused with a printable message; nothing is raised.
local damage = {}

local CUTS = 10
local CHANGES = 60 -- single bytes that are changed

-- Returns a generator of whole numbers below n that does not touch math.random.
local function numbers(seed)
  local state = seed
  return function(n)
    state = (state * 6364136223846793005 + 1442695040888963407) & 0x7fffffffffffffff
    return (state >> 20) % n
  end
end

local function set_byte(bytes, at, value) return bytes:sub(1, at - 1) .. string.char(value) .. bytes:sub(at + 1) end

--- Calls use(bytes, what) with damaged copies: cut at every tenth of the length, single bytes changed, bytes removed
-- and doubled, words of 32 bits set to gigantic numbers.
function damage.each(bytes, use)
  local random = numbers(#bytes + 1)
  for i = 0, CUTS - 1 do use(bytes:sub(1, #bytes * i // CUTS), ("cut at %d/%d"):format(i, CUTS)) end
  for _ = 1, CHANGES do
    local at = random(#bytes) + 1
    use(set_byte(bytes, at, random(256)), ("byte %d changed"):format(at))
    use(bytes:sub(1, at - 1) .. bytes:sub(at + 1), ("byte %d removed"):format(at))
    use(bytes:sub(1, at) .. bytes:sub(at), ("byte %d doubled"):format(at))
    use(bytes:sub(1, at - 1) .. "\255\255\255\127" .. bytes:sub(at + 4), ("gigantic number at %d"):format(at))
  end
end

--- Writes bytes to a new file: a file system may flush one that is truncated, which takes milliseconds.
function damage.write(path, bytes)
  os.remove(path)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

--- Reads damaged copies of a file's bytes, written to path, by read(path) -> value, or nil and a message. Asserts for
-- each that nothing is raised and that a message is printable. Returns the number of copies, and of those refused.
function damage.all(read, path, bytes)
  local copies, refused = 0, 0
  damage.each(bytes, function(copy, what)
    damage.write(path, copy)
    local ok, value, message = pcall(read, path)
    if not ok then error(("%s: raised %s"):format(what, tostring(value)), 0) end
    copies = copies + 1
    if value == nil then
      refused = refused + 1
      if type(message) ~= "string" or not utf8.len(message) or message:find "[\0-\8\11-\31]" then
        error(("%s: the message is %q"):format(what, tostring(message)), 0)
      end
    end
  end)
  return copies, refused
end

return damage
