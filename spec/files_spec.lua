-- Writing files: whole or not at all, at any path, by several processes; locks; JSON round trips.
local lfs = require "lfs"
local core = require "moonbow.core"
local files = require "moonbow.io.files"
local json = require "moonbow.io.json"
local mb = require "moonbow"
local interpreter = require "support.interpreter"
local temporary_folder = require "support.temporary_folder"

local folder

before_each(function() folder = temporary_folder() end)
after_each(function() os.execute("rm -rf " .. folder) end)

local function put_in(name, text)
  return files.write(folder .. "/" .. name, function(put) put(text) end)
end

it("files.write takes a text, too", function()
  assert(files.write(folder .. "/whole", "a\0b"))
  assert.equal("a\0b", (files.read(folder .. "/whole")))
  local ok, err = files.write(folder, "text")
  assert.is_nil(ok)
  assert.matches("could not be written", err)
end)

local function text_of(name) return (files.read(folder .. "/" .. name)) end

local function names()
  local list = {}
  for name in lfs.dir(folder) do
    if not name:match "^%.%.?$" then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

-- Runs a script of a few lines in a process of its own.
local function in_process(text, ...)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  local command = ("%s %s %s %s"):format(interpreter, path, folder, table.concat({ ... }, " "))
  local pipe = io.popen(command .. " 2>&1")
  local printed = pipe:read "a"
  pipe:close()
  os.remove(path)
  return printed
end

describe("a file", function()
  it("that cannot be finished leaves the old one and nothing else", function()
    assert(put_in("a", "old"))
    local put = core.file_put
    finally(function() core.file_put = put end)
    core.file_put = function() return nil, "No space left on device" end
    local ok, err = put_in("a", "new")
    assert.is_nil(ok)
    assert.matches("/a: could not be written: No space left on device", err)
    assert.error(function() files.write(folder .. "/a", function() error "oops" end) end)
    assert.equal("old", text_of "a")
    assert.same({ "a" }, names())
  end)
  it("keeps its mode, while it is written too; a new one obeys the umask", function()
    assert(put_in("a", "old"))
    assert.equal("rw-r--r--", lfs.attributes(folder .. "/a", "permissions"))
    os.execute("chmod 640 " .. folder .. "/a")
    assert(files.write(folder .. "/a", function(put)
      put "new"
      assert.equal("rw-r-----", lfs.attributes(folder .. "/.a.1.partial", "permissions"))
    end))
    assert.equal("rw-r-----", lfs.attributes(folder .. "/a", "permissions"))
  end)
  it("is reached through links, also through one to nothing", function()
    assert(put_in("a", "old"))
    assert(lfs.link("a", folder .. "/to_a", true))
    assert(lfs.link("b", folder .. "/to_b", true))
    assert(lfs.link("round", folder .. "/round", true))
    assert(put_in("to_a", "1"))
    assert(put_in("to_b", "2"))
    assert.equal("1", text_of "a")
    assert.equal("2", text_of "b")
    assert.equal("link", lfs.symlinkattributes(folder .. "/to_a", "mode"))
    assert.matches("too many links", select(2, put_in("round", "3")))
  end)
  it("never replaces a device, a pipe or a folder", function()
    assert(os.execute("mkfifo " .. folder .. "/pipe && mkdir " .. folder .. "/folder"))
    assert.matches("it is a device", select(2, put_in("pipe", "x")))
    assert.matches("it is a folder", select(2, put_in("folder", "x")))
    assert.matches("it is a folder", select(2, put_in("folder/", "x")))
    assert.same({ "folder", "pipe" }, names())
    if os.execute("mknod " .. folder .. "/null c 1 3 2>/dev/null") then
      assert.matches("it is a device", select(2, mb.save_npy(mb.ones(2), folder .. "/null")))
      assert.equal("char device", lfs.attributes(folder .. "/null", "mode"))
    end
    assert.matches("it is a device", select(2, mb.load_npy "/dev/zero"))
    assert.matches("it is a folder", select(2, mb.load(folder)))
  end)
  it("that fails while it is read gives no partial content", function()
    local content, err = files.read "/proc/self/mem" -- whose first page is not mapped
    assert.is_nil(content)
    assert.matches("^/proc/self/mem: Input/output error", err)
  end)
  it("has no NUL in its path, and a path", function()
    for _, call in ipairs { function() return put_in("a\0b", "x") end,
      function() return mb.safetensors.write(folder .. "/a\0b", {}) end,
      function() return mb.load(folder .. "/a\0b") end, function() return files.make_folders(folder .. "/a\0b") end } do
      local ok, err = call()
      assert.is_nil(ok)
      assert.matches("a path holds no NUL", err)
    end
    assert.matches("path is empty", select(2, files.write("", error)))
    assert.same({}, names())
  end)
  it("is not written through a link with its temporary name", function()
    assert(put_in("victim", "precious"))
    assert(lfs.link("victim", folder .. "/.a.1.partial", true))
    assert(lfs.link(folder .. "/victim", folder .. "/.a.2.partial"))
    assert(put_in("a", "new"))
    assert.equal("precious", text_of "victim")
    assert.equal("new", text_of "a")
  end)
  it("removes the temporary file of a killed writer, and not that of a running one", function()
    local script = [[local files, uv = require "moonbow.io.files", require "luv"
      files.write(arg[1] .. "/a", function(put)
        put "half"
        uv.kill(uv.os_getpid(), "sigkill")
      end)]]
    in_process(script)
    in_process(script)
    assert.same({ ".a.1.partial" }, names())
    assert(files.write(folder .. "/a", function(put)
      put "outer"
      assert(put_in("a", "inner"))
      assert.equal("inner", text_of "a")
    end))
    assert.equal("outer", text_of "a")
    assert.same({ "a" }, names())
  end)
  it("is one whole version if several processes write it at once", function()
    local script = [[local files = require "moonbow.io.files"
      for i = 1, 60 do
        local text = (arg[2]):rep(20000)
        assert(files.write(arg[1] .. "/a", function(put) for _ = 1, 4 do put(text) end end))
        local back = assert(files.read(arg[1] .. "/a"))
        assert(#back == 80000 and back == back:sub(1, 1):rep(80000))
      end]]
    assert(os.execute(([[cat > %s/script.lua <<'END'
%s
END
for w in x y z; do %s %s/script.lua %s $w & pids="$pids $!"; done
for p in $pids; do wait $p || exit 1; done
rm %s/script.lua]]):format(folder, script, interpreter, folder, folder, folder)))
    assert.same({ "a" }, names())
  end)
  it("may have the longest name there is", function()
    local long = ("n"):rep(255)
    assert(put_in(long, "x"))
    assert.same({ long }, names())
    assert.matches("name too long", select(2, put_in(long .. "n", "x")))
  end)
end)

describe("a lock", function()
  it("keeps others out until it is released, or its process is killed", function()
    local path = folder .. "/lock"
    local lock = assert(files.lock(path))
    assert.is_nil((files.lock(path)))
    local try = [[print(require "moonbow.io.files".lock(arg[1] .. "/lock") and "got it" or "locked")]]
    assert.equal("locked\n", in_process(try))
    files.unlock(lock)
    assert.same({}, names())
    in_process [[lock = require "moonbow.io.files".lock(arg[1] .. "/lock")
      require "luv".kill(require "luv".os_getpid(), "sigkill")]]
    assert.same({ "lock" }, names())
    local again <close> = assert(files.lock(path))
    assert.is_userdata(again)
  end)
  it("that cannot be taken says why", function()
    assert.matches("No such file", select(2, files.lock(folder .. "/none/lock")))
  end)
end)

describe("a line", function()
  it("is appended after an unfinished one", function()
    assert(files.append(folder .. "/log", "a"))
    local file = assert(io.open(folder .. "/log", "a"))
    file:write "half"
    file:close()
    assert(files.append(folder .. "/log", "b"))
    assert.equal("a\nhalf\nb\n", text_of "log")
    assert.matches("No such file", select(2, files.append(folder .. "/none/log", "c")))
  end)
end)

describe("JSON", function()
  it("gives back what it was given, with sorted keys and all digits", function()
    local value = { b = { 1, 1.0, 0.1, -0.0, 1e300, 5e-324, math.mininteger, 1 / 3 }, a = { c = true, d = false },
      ["é\n\"\\\1\127"] = "x/y", [""] = { {}, { {} } } }
    local text = assert(json.encode(value))
    local back = assert(json.decode(text))
    assert.same(value, back)
    for i, number in ipairs(value.b) do assert.equal(math.type(number), math.type(back.b[i])) end
    assert.equal(-1 / 0, 1 / back.b[4])
    assert.equal(text, json.encode(back))
    assert.matches('^{"":%[{},%[{}%]%],"a":{"c":true', text)
    assert.equal("[]", json.encode(setmetatable({}, json.list)))
    assert.equal("[]", json.encode(json.decode "[ ]"))
    assert.equal("null", json.encode(json.decode "null"))
  end)
  it("passes on errors that a value raises itself", function()
    local evil = setmetatable({}, { __pairs = function() error "no pairs" end })
    assert.error_matches(function() json.encode { a = evil } end, "^no pairs$")
  end)
  it("names values that it cannot hold", function()
    local function refuses(value, message)
      local text, err = json.encode(value, "info")
      assert.is_nil(text)
      assert.matches(message, err)
    end
    refuses({ a = { 1, 0 / 0 } }, "info%.a%[2%] is nan, which JSON cannot hold")
    refuses({ a = 1 / 0 }, "info%.a is inf")
    refuses({ a = { 1, nil, 3 } }, "info%.a")
    refuses({ 1, a = 2 }, "info has the key 1: expected a list without gaps, or names alone")
    refuses({ a = "\xff" }, 'info%.a is not valid UTF%-8')
    refuses({ ["\xff"] = 1 }, "info%.\\xFF is not valid UTF%-8")
    refuses({ a = print }, "info%.a is a function")
    refuses({ a = mb.ones(1) }, "info%.a is a userdata")
    local round = {}
    round.round = round
    refuses(round, "nested more than limits%.depth = 100 deep")
  end)
  it("that is invalid is refused, in bounded memory", function()
    for text, message in pairs {
      [""] = "a value is expected", ["{"] = "a name is expected", ["[1,]"] = "a value is expected", ["[01]"] = "value",
      ["[1.]"] = "value", ["[.5]"] = "value", ["[-]"] = "value", ["[1e]"] = "value", ["[1e999]"] = "too large",
      ["nul"] = "value", ["[1 2]"] = "',' or ']'", ['{"a" 1}'] = "':'", ['{"a":1 "b":2}'] = "',' or '}'",
      ['"a\nb"'] = "control character", ['"a'] = "without an end", ['"\\x"'] = "bad escape", ['"\\u12"'] = "bad escape",
      ['"\\ud83d"'] = "half of a surrogate pair", ['"\\ude00"'] = "half of a surrogate pair",
      ['{"\xff":1}'] = "a name that is not UTF%-8",
      ["1 2"] = "something follows", ['{"a":1,"a":2}'] = "the name 'a' comes twice",
      [("["):rep(200)] = "nested more than limits%.depth = 100 deep",
    } do
      local value, err = json.decode(text)
      assert.is_nil(value, text)
      assert.matches(message, err)
    end
    assert.equal("😀 é/\\u0041", json.decode [["\ud83d\ude00 \u00e9\/\\u0041"]])
    mb.limits.entries = 100
    finally(function() mb.limits.entries = 1 << 20 end)
    assert.matches("limits%.entries = 100", select(2, json.decode("[" .. ("0,"):rep(100) .. "0]")))
    assert.matches("limits%.entries = 100", select(2, json.encode(setmetatable(mb.ones(100):totable(), nil))))
  end)
end)

describe("limits", function()
  it("are named, and positive integers", function()
    assert.error_matches(function() mb.limits.unzipped = 5 end, "limits: name: .*'unpacked'")
    assert.error_matches(function() mb.limits.depth = 0 end, "depth: expected a positive integer, got 0")
    assert.equal(100, mb.limits.depth)
    local unpacked = mb.limits.unpacked
    finally(function() mb.limits.unpacked = unpacked end)
    mb.limits.unpacked = 1 << 62
    assert.equal(1 << 48, mb.limits.unpacked)
    local found = {}
    for name in pairs(mb.limits) do found[name] = true end
    assert.same({ depth = true, elements = true, entries = true, header = true, unpacked = true }, found)
  end)
end)
