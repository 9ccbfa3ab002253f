-- bootstrap.sh with stand-ins for the programs that it calls: whom it asks for root, for what, and what it says.
local lfs = require "lfs"
local temporary_folder = require "support.temporary_folder"

local root, calls
local UNWRITABLE = "/dev/null/moonbow" -- for root, too

local function write(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- Makes a program that writes its call to the file of calls, and then runs more lines of sh.
local function stand_in(name, text)
  local path = ("%s/bin/%s"):format(root, name)
  write(path, ("#!/bin/sh\necho %s \"$@\" >>%s\n%s\n"):format(name, calls, text or ""))
  assert(os.execute("chmod +x " .. path))
end

-- Of several values for the prefix, CMake keeps the last.
local CMAKE = [[
  build= prefix=
  while [ $# -gt 0 ]; do
    case $1 in -B) build=$2 ;; -DCMAKE_INSTALL_PREFIX=*) prefix=${1#*=} ;; esac
    shift
  done
  [ -z "$build" ] || { mkdir -p "$build" && echo "CMAKE_INSTALL_PREFIX:PATH=$prefix" >"$build/CMakeCache.txt"; }
]]
local DENIED = "echo 'ann is not in the sudoers file.' >&2; exit 1"

-- Runs bootstrap.sh from a folder below root. Returns whether it succeeded, and its output.
local function run(options, settings, folder, script)
  local log = root .. "/log"
  local ok = os.execute(("cd %s/%s && env PATH=%s/bin:/usr/bin:/bin %s '%s' %s >%s 2>&1"):format(root, folder or "tree",
    root, settings or "", script or "./bootstrap.sh", options or "", log))
  return ok == true, read(log)
end

before_each(function()
  root = temporary_folder()
  calls = root .. "/calls"
  assert(lfs.mkdir(root .. "/bin"))
  assert(lfs.mkdir(root .. "/tree"))
  assert(lfs.mkdir(root .. "/other"))
  write(calls, "")
  write(root .. "/tree/bootstrap.sh", read "bootstrap.sh")
  assert(os.execute(("chmod +x %s/tree/bootstrap.sh"):format(root)))
  for _, name in ipairs { "apt-get", "update-alternatives", "ldconfig" } do stand_in(name) end
  stand_in("cmake", CMAKE)
  stand_in("dpkg-query", "echo installed")
  stand_in("id", "echo 1000")
  stand_in("lua", "echo 'Lua 5.1.5'")
  stand_in "lua5.4"
  stand_in("sudo", [[exec "$@"]])
end)

after_each(function() os.execute("rm -rf " .. root) end)

describe("bootstrap.sh", function()
  it("says where the option CMAKE_INSTALL_PREFIX puts things, and checks no other installation", function()
    local ok, said = run(("-DCMAKE_INSTALL_PREFIX=%s/p"):format(root))
    assert.is_true(ok)
    assert.matches(("installed below %s/p. Next:\n  %s/p/bin/moonbow (a prompt); build/lua quickstart.lua; ctest")
      :format(root, root), said, 1, true)
    assert.is_nil(read(calls):find "sudo")
    assert.is_nil(read(calls):find "lua5.4 %-e")
  end)

  it("needs no root below a folder of the user's, whatever lua is", function()
    local ok, said = run("", ("PREFIX=%s/p"):format(root))
    assert.is_true(ok, said)
    assert.is_nil(read(calls):find "sudo")
    assert.is_nil(read(calls):find "update%-alternatives")
  end)

  it("says what to do where sudo is refused", function()
    stand_in("sudo", DENIED)
    local ok, said = run("", "PREFIX=" .. UNWRITABLE)
    assert.is_false(ok)
    assert.matches("cannot write to /dev/null/moonbow; run scripts with build/lua, or set PREFIX to a folder of yours",
      said, 1, true)
    stand_in("dpkg-query", "echo missing")
    ok, said = run()
    assert.is_false(ok)
    assert.matches("ask for these packages first: gcc ", said, 1, true)
    assert.is_nil(read(calls):find "apt%-get")
  end)

  it("installs with the right to sudo", function()
    local ok, said = run("", "PREFIX=" .. UNWRITABLE)
    assert.is_true(ok, said)
    assert.matches("sudo cmake --install ./build\n", read(calls), 1, true)
  end)

  it("asks for what tests need only with tests, which are on unless switched off in this run", function()
    stand_in("dpkg-query", "echo missing")
    for _, off in ipairs { "-DMOONBOW_TESTS=OFF", "-D MOONBOW_TESTS:BOOL=off", "-DMOONBOW_TESTS=0" } do
      write(calls, "")
      local ok, said = run(off, ("PREFIX=%s/p"):format(root))
      assert.is_true(ok, said)
      local text = read(calls)
      assert.matches("apt%-get install .* lua5%.4 ", text)
      assert.is_nil(text:find "cmocka" or text:find "install.*valgrind" or said:find "ctest")
    end
    write(calls, "")
    local _, said = run("", ("PREFIX=%s/p"):format(root))
    assert.matches("libcmocka-dev valgrind", read(calls), 1, true)
    assert.matches("%-DMOONBOW_TESTS=ON", read(calls))
    assert.matches("ctest --test-dir build", said, 1, true)
  end)

  it("names files as they are reached from the folder of the caller", function()
    local prefix = ("PREFIX=%s/p"):format(root)
    local _, said = run("", prefix, "other", "../tree/bootstrap.sh")
    assert.matches("../tree/build/lua ../tree/quickstart.lua; ctest --test-dir ../tree/build ", said, 1, true)
    assert(os.rename(root .. "/tree", root .. "/a tree"))
    _, said = run("", prefix, ".", "a tree/bootstrap.sh")
    assert.matches([[a\ tree/build/lua a\ tree/quickstart.lua; ctest --test-dir a\ tree/build ]], said, 1, true)
  end)

  it("builds with all cores, whatever limits OpenMP", function()
    run("", ("OMP_NUM_THREADS=1000 PREFIX=%s/p"):format(root))
    local pipe <close> = io.popen "env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc"
    assert.matches("--parallel " .. pipe:read "l" .. "\n", read(calls), 1, true)
  end)
end)
