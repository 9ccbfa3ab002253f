-- The door: paths, folders, globs and lists; files that cannot be joined or read.
local lfs = require "lfs"
local mb = require "moonbow"
local find = require "moonbow.spectra.find"
local interrupted = require "support.interrupted"
local temporary_folder = require "support.temporary_folder"

local root = temporary_folder()
teardown(function() os.execute("rm -r " .. root) end)

local count = 0

-- Makes a folder of files, { ["a/b.csv"] = text }, and returns its path.
local function folder_of(texts)
  count = count + 1
  local folder = root .. "/" .. count
  assert(lfs.mkdir(folder))
  for name, text in pairs(texts) do
    local made = folder
    for part in name:gmatch "([^/]+)/" do
      made = made .. "/" .. part
      lfs.mkdir(made)
    end
    local file = assert(io.open(folder .. "/" .. name, "w"))
    file:write(text)
    file:close()
  end
  return folder
end

local function spectrum(value, axis) return ("k,%s\ns,%d,1,1\n"):format(axis or "1,2,3", value) end

local function first_values(spectra)
  local list = {}
  for i = 1, #spectra do list[i] = spectra.x:get(i, 1, 1) end
  return list
end

-- The names found below a folder, without the folder.
local function found(folder, ...)
  local given = {}
  for i, part in ipairs { ... } do given[i] = folder .. "/" .. part end
  local files, err = find.files(#given == 1 and given[1] or given)
  if not files then return (err:gsub(folder .. "/", "")) end
  for i, file in ipairs(files) do files[i] = file:sub(#folder + 2) end
  return files
end

describe("the files of", function()
  local folder = folder_of { ["scan10.txt"] = "", ["scan2.txt"] = "", ["scan1.TXT"] = "", ["scan02.txt"] = "",
    ["a/x.txt"] = "", ["a/b/y.txt"] = "", ["a b/z.txt"] = "", [".hidden"] = "", ["s[1].txt"] = "", ["näb.dat"] = "" }

  it("a folder are all below it, in the order of names and numbers", function()
    assert.same({ "a/b/y.txt", "a/x.txt", "a b/z.txt", "näb.dat", "s[1].txt", "scan1.TXT", "scan02.txt", "scan2.txt",
      "scan10.txt" }, found(folder, ""))
    assert.same({ "a/b/y.txt", "a/x.txt" }, found(folder, "a"))
    lfs.mkdir(folder .. "/empty")
    assert.equal("empty: no files are in this folder", found(folder, "empty"))
  end)
  it("a glob match its signs", function()
    assert.same({ "scan02.txt", "scan2.txt", "scan10.txt" }, found(folder, "scan*.txt"))
    assert.same({ "scan2.txt" }, found(folder, "scan?.txt"))
    assert.same({ "scan02.txt", "scan10.txt" }, found(folder, "scan[01]?.txt"))
    assert.same({ "scan2.txt" }, found(folder, "scan[!13-9].txt"))
    assert.same({ "näb.dat" }, found(folder, "n?b.*"))
    assert.same({ "a/b/y.txt", "a/x.txt", "a b/z.txt" }, found(folder, "**/[xyz].txt"))
    assert.same({ "a/x.txt", "a b/z.txt" }, found(folder, "*/*.txt"))
    assert.same({ "a/b/y.txt", "a/x.txt" }, found(folder, "a/**"))
    assert.same({ "a/b/y.txt" }, found(folder, "a*/b/y.txt"))
    assert.equal("*.spc: no file matches", found(folder, "*.spc"))
    assert.equal("a[: no file matches", found(folder, "a["))
  end)
  it("a path with brackets are that file if it is there", function()
    assert.same({ "s[1].txt" }, found(folder, "s[1].txt"))
    assert.equal("s[2].txt: no file matches", found(folder, "s[2].txt"))
  end)
  it("a list keep its order, each once", function()
    assert.same({ "scan10.txt", "a/b/y.txt", "a/x.txt", "scan2.txt" },
      found(folder, "scan10.txt", "a", "scan2.txt", "a/*", "scan10.txt"))
  end)
  it("a folder with a link to itself are found once", function()
    local looped = folder_of { ["a/x.txt"] = "" }
    assert(lfs.link("..", looped .. "/a/up", true))
    assert.same({ "a/x.txt" }, found(looped, ""))
    assert.same({ "a/x.txt" }, found(looped, "**/*.txt"))
  end)
end)

describe("a folder", function()
  it("that cannot be listed, or is too deep, is refused", function()
    local folder = folder_of { ["a/x.txt"] = "", ["b/y.txt"] = "" }
    local dir = lfs.dir
    lfs.dir = function(path) -- luacheck: ignore
      if path:find "/b/$" then error "cannot open" end
      return dir(path)
    end
    local whole, glob, other = found(folder, ""), found(folder, "**/*.txt"), found(folder, "a")
    lfs.dir = dir -- luacheck: ignore
    assert.equal("b/: cannot be listed", whole)
    assert.equal("b/: cannot be listed", glob)
    assert.same({ "a/x.txt" }, other)
    local deep = folder_of { [("d/"):rep(40) .. "x.txt"] = "" }
    assert.equal(("d/"):rep(33) .. ": more than 32 folders within folders", found(deep, ""))
    local before = mb.limits.entries
    mb.limits.entries = 1
    local many = found(folder_of { ["a/1"] = "", ["b/1"] = "", ["c/1"] = "", ["d/1"] = "" }, "")
    mb.limits.entries = before
    assert.matches("^./: more files than limits.entries = 1$", many)
  end)
end)

describe("the options block and axis", function()
  local files = require "support.spectra_files"

  it("choose, or are refused by readers that have nothing to choose", function()
    local rows = "name,400,401,402\na,1,2,3\nb,4,5,6\n"
    files.expect_refusal("block = 'zzz': a table of text with 1 block of spectra", rows, { block = "zzz" })
    files.expect_refusal("block = 2: a table of text with 1 block of spectra", rows, { block = 2 })
    assert.equal(2, #assert(files.read(rows, { block = 1 })))
    local jcamp = "##TITLE= a\n##JCAMP-DX= 4.24\n##XUNITS= NM\n##YUNITS= A\n##FIRSTX= 1\n##LASTX= 2\n##NPOINTS= 2\n"
      .. "##XYDATA= (X++(Y..Y))\n1 3 4\n##END=\n"
    files.expect_refusal("axis: in JCAMP-DX none can be chosen", jcamp, { axis = "zzz" })
    local pairs_of_columns = "nm,a,nm,b\n1,2,1,3\n2,4,2,5\n3,6,3,8\n"
    assert.same({ 3, 5, 8 }, files.values(assert(files.read(pairs_of_columns, { block = 2 }))))
    assert.same({ 3, 5, 8 }, files.values(assert(files.read(pairs_of_columns, { block = "b" }))))
  end)

  it("choose a scan by its number alone", function()
    local ranges = "_FILEVERSION = 2\n_START=10\n_STEPSIZE=1\n_COUNTS\n1 2 3\n"
    files.expect_refusal("block = 'zzz': expected the number of a scan", ranges, { block = "zzz" })
    assert(files.read(ranges, { block = 1 }))
  end)
end)

describe("spectra.read", function()
  it("reads files in order, with their sources", function()
    local folder = folder_of { ["s10.csv"] = spectrum(10), ["s9.csv"] = spectrum(9), ["b/s1.csv"] = spectrum(1) }
    local spectra = assert(mb.spectra.read(folder))
    assert.same({ 1, 9, 10 }, first_values(spectra))
    assert.same({ folder .. "/b/s1.csv", folder .. "/s9.csv", folder .. "/s10.csv" }, spectra.sources)
    assert.same({ 9, 10 }, first_values(assert(mb.spectra.read(folder .. "/*.csv"))))
    assert.same({ 10, 1 }, first_values(assert(mb.spectra.read { folder .. "/s10.csv", folder .. "/b" })))
    assert.matches("\nfrom 3 files, " .. folder .. "/b/s1.csv to ", tostring(spectra))
  end)
  it("refuses arguments that are no paths", function()
    local function raises(message, ...)
      local arguments = table.pack(...)
      assert.error_matches(function() mb.spectra.read(table.unpack(arguments)) end, message, nil, true)
    end
    raises("read: path: expected a string or a table, got nil")
    raises("read: path: expected at least one path, got none", {})
    raises("read: path[2]: expected a string, got 3", { "a", 3 })
    raises("read: unknown option 'label'; did you mean 'labels'?", "a", { label = "x" })
    raises("read: grid: expected values that only rise or only fall", "a", { resample = { 1, 3, 2 } })
  end)
  it("names the file that cannot be read, or leaves it out", function()
    local folder = folder_of { ["a.csv"] = spectrum(1), ["b.csv"] = "k,1,2,3\ns,1,x,1\n", ["c.csv"] = spectrum(3),
      ["d.bin"] = "\0\1" }
    local spectra, err = mb.spectra.read(folder)
    assert.is_nil(spectra)
    assert.equal(folder .. "/b.csv: line 2, column 3 (2): expected a number, got 'x'; skip = true leaves out "
      .. "files that cannot be read", err)
    spectra = assert(mb.spectra.read(folder, { skip = true }))
    assert.same({ 1, 3 }, first_values(spectra))
    assert.same({ "left out: " .. folder .. "/b.csv: line 2, column 3 (2): expected a number, got 'x'",
      "left out: " .. folder .. "/d.bin: its format is not known" }, spectra.notes)
    spectra, err = mb.spectra.read(folder .. "/d*", { skip = true })
    assert.is_nil(spectra)
    assert.equal(folder .. "/d.bin: its format is not known", err)
    assert.same({ nil, root .. "/none: No such file or directory" }, { mb.spectra.read(root .. "/none") })
  end)
  it("names the difference of files that cannot be joined, or resamples them", function()
    local folder = folder_of { ["a.csv"] = spectrum(1), ["b.csv"] = spectrum(2, "2,3,4"), ["c.csv"] = spectrum(3) }
    local spectra, err = mb.spectra.read(folder)
    assert.is_nil(spectra)
    assert.equal(("%s/b.csv differs from %s/a.csv: point 1 of the axis is 1 there and 2 here; the option resample puts "
      .. "all on one axis"):format(folder, folder), err)
    spectra = assert(mb.spectra.read(folder, { resample = true }))
    assert.same({ 2, 3 }, spectra.axis)
    assert.same({ 1, 2, 1 }, first_values(spectra))
    assert.same({ "3 of 3 spectra interpolated to 2 points from 2 to 3" }, spectra.notes)
    assert.same({ 2.5, 3 }, assert(mb.spectra.read(folder, { resample = { 2.5, 3 } })).axis)
    spectra, err = mb.spectra.read(folder, { resample = { 1, 3 } })
    assert.is_nil(spectra)
    assert.equal(folder .. "/b.csv: the grid, 1 to 3, goes beyond the axis, 2 to 4", err)
  end)
  it("takes the unit and the kind of values that the user states", function()
    local folder = folder_of { ["a.csv"] = spectrum(1) }
    local spectra = assert(mb.spectra.read(folder, { unit = "1/cm", quantity = "%T" }))
    assert.equal("cm-1", spectra.unit)
    assert.equal("wavenumber", spectra.axis_name)
    assert.equal("transmittance", spectra.quantity)
    assert.is_true(spectra.percent)
    assert.equal("as the caller says", spectra.decided)
  end)
  it("makes labels of folders, or of a table", function()
    local folder = folder_of { ["calcite/a.csv"] = spectrum(1), ["calcite/b.csv"] = spectrum(2),
      ["quartz/a.csv"] = spectrum(3), ["table.txt"] = "f;m\ncalcite/a.csv;x\nb;y\nquartz/a.csv;z\n" }
    local spectra = assert(mb.spectra.read(folder .. "/*/*.csv", { labels = "folder" }))
    assert.same({ "calcite", "calcite", "quartz" }, spectra.labels.folder)
    spectra = assert(mb.spectra.read(folder .. "/**/*.csv", { labels = folder .. "/table.txt" }))
    assert.same({ "x", "y", "z" }, spectra.labels.m)
    spectra = assert(mb.spectra.read(folder, { labels = folder .. "//table.txt" })) -- which is in the folder
    assert.same({ "x", "y", "z" }, spectra.labels.m)
    spectra = assert(mb.spectra.read(folder .. "/*/*.csv", { by = "folder",
      labels = { folder = { "quartz", "calcite" }, m = { 1, 2 } } }))
    assert.same({ "2", "2", "1" }, spectra.labels.m)
    local none, err = mb.spectra.read(folder .. "/*/*.csv", { labels = { file = { "a.csv" }, m = { 1 } } })
    assert.is_nil(none)
    assert.equal("the table: column 'file' names no row for 1 of 3 spectra: 'b.csv'; its keys are a.csv", err)
  end)
  it("ends with 130 on Ctrl-C between two files", function()
    local folder = folder_of { ["a.csv"] = spectrum(1), ["b.csv"] = spectrum(2) }
    local got = interrupted { "-e", ([[
      local mb, core = require "moonbow", require "moonbow.core"
      local formats = require "moonbow.spectra.formats"
      table.insert(formats, 1, { name = "slow", matches = function() return true end, read = function()
        io.stderr:write "now\n"
        repeat until core.interrupted()
        return { { x = { 1, 2 }, y = mb.ones(2) } }
      end })
      mb.spectra.read(%q)
      print "not reached"]]):format(folder) }
    assert.equal(130, got.code, got.errors)
    assert.matches("spectra.read: interrupted; the same command starts again", got.errors)
    assert.is_nil(got.output and got.output:find "not reached")
  end)
  it("notes what several files have in common once", function()
    local comment = "# a comment\n"
    local folder = folder_of { ["a.csv"] = comment .. spectrum(1), ["b.csv"] = comment .. spectrum(2),
      ["c.csv"] = spectrum(3):sub(1, -2) }
    assert.same({ "2 files: comment lines left out: 1",
      folder .. "/c.csv: no line break follows the last line; the file may be cut" },
      assert(mb.spectra.read(folder)).notes)
  end)
end)

describe("files that belong to another one", function()
  local formats = require "moonbow.spectra.formats"

  -- A format whose header names nothing: "HEAD" beside a file .part with the numbers, which nothing else reads.
  local pair = { name = "pair", title = "a pair",
    matches = function(source) return source.bytes:sub(1, 4) == "HEAD" end,
    read = function(source)
      local part = source:sibling ".part"
      if not part then source:fail "no .part beside it" end
      return { { x = { 1, 2 }, y = mb.tensor { part:number(4, "u1"), 2 } } }
    end }
  setup(function() table.insert(formats, 1, pair) end)
  teardown(function() table.remove(formats, 1) end)

  it("are read with it, whether they come before or after", function()
    local folder = folder_of { ["b.head"] = "HEAD", ["b.part"] = "PART\7\0", ["z.part"] = "PART\8\0",
      ["z.zhead"] = "HEAD" }
    assert.same({ 7, 8 }, first_values(assert(mb.spectra.read(folder))))
    assert.same({ 7 }, first_values(assert(mb.spectra.read { folder .. "/b.part", folder .. "/b.head" })))
  end)
  it("and stand for the others, too, are read once", function()
    local folder = folder_of { ["b.head"] = "HEAD", ["b.hezd"] = "HEAD", ["b.part"] = "PART\7\0" }
    assert.same({ folder .. "/b.head" }, assert(mb.spectra.read(folder)).sources)
  end)
  it("are found in small and in capital letters, in folders that are not listed", function()
    local dir = lfs.dir
    for head, part in pairs { ["b.head"] = "b.PART", ["B.HEAD"] = "B.part", ["C.HEAD"] = "C.PART",
      ["d.head"] = "D.PART", ["E.HEAD"] = "e.part" } do
      local path = folder_of { [head] = "HEAD", [part] = "PART\7\0" } .. "/" .. head
      lfs.dir = function(folder) error(folder .. " is listed for one file") end
      local spectra, err = mb.spectra.read(path)
      lfs.dir = dir
      assert.same({ 7 }, first_values(assert(spectra, err)))
    end
  end)
  it("are refused if none reads them", function()
    local folder = folder_of { ["b.head"] = "HEAD", ["b.part"] = "PART\7\0", ["c.part"] = "PART\7\0" }
    local spectra, err = mb.spectra.read(folder)
    assert.is_nil(spectra)
    assert.matches("/c.part: its format is not known; skip = true", err)
    spectra, err = mb.spectra.read(folder_of { ["z.part"] = "PART\0", ["z.zhead"] = "PART\0" })
    assert.is_nil(spectra)
    assert.matches("/z.part: its format is not known; skip = true", err)
  end)
end)

describe("a file whose spectra differ", function()
  local formats = require "moonbow.spectra.formats"
  local blocks
  local several = { name = "several", title = "several", read = function() return blocks end,
    matches = function(source) return source.bytes == "SEVERAL" end }
  setup(function() table.insert(formats, 1, several) end)
  teardown(function() table.remove(formats, 1) end)

  it("in their axes is refused or resampled", function()
    local path = folder_of { f = "SEVERAL" } .. "/f"
    local function make()
      blocks = { { x = { 1, 2, 3 }, y = mb.tensor { 1, 2, 3 } }, { x = { 2, 3, 4 }, y = mb.tensor { 5, 6, 7 } } }
    end
    make()
    local spectra, err = mb.spectra.read(path)
    assert.is_nil(spectra)
    assert.equal(path .. ": its spectra have different axes: point 1 of the axis is 1 there and 2 here; the option "
      .. "resample puts all on one axis", err)
    make()
    spectra = assert(mb.spectra.read(path, { resample = true }))
    assert.same({ 2, 3 }, spectra.axis)
    assert.same({ 2, 5 }, first_values(spectra))
  end)
  it("in their axes and in the kind of their values is refused with their names", function()
    local path = folder_of { f = "SEVERAL" } .. "/f"
    blocks = { { x = { 1, 2, 3 }, y = mb.tensor { 1, 2, 3 }, quantity = "counts", names = { "one" } },
      { x = { 2, 3, 4 }, y = mb.tensor { 5, 6, 7 }, names = { "two" } } }
    local spectra, err = mb.spectra.read(path, { resample = true })
    assert.is_nil(spectra)
    assert.equal(("two differs from one in %s: the values are counts there and unknown here; the option quantity "
      .. "states what all are"):format(path), err)
  end)
  it("in the kind of their values has a label", function()
    local path = folder_of { f = "SEVERAL" } .. "/f"
    blocks = { { x = { 1, 2 }, y = mb.tensor { 1, 2 }, quantity = "absorbance" },
      { x = { 1, 2 }, y = mb.tensor { 1, 2 }, quantity = "transmittance", percent = true } }
    local spectra = assert(mb.spectra.read(path))
    assert.equal("mixed", spectra.quantity)
    assert.same({ "absorbance", "transmittance in percent" }, spectra.labels["values"])
  end)
end)

describe("a format that is given", function()
  it("reads a file that is none of it, or refuses it", function()
    local formats = require "moonbow.spectra.formats"
    for name, text in pairs { ["a.csv"] = "x,y\n1,2\n2,3\n3,5\n", ["a.dx"] = "##TITLE=a\n##END=\n", ["a"] = "abc",
      ["a.txt"] = "1 2 3\n4 5 6\n7 8 9\n", ["a.zip"] = "PK\3\4aaaa", ["a.xml"] = "<?xml version='1.0'?><a><b>1</b></a>",
      ["a.bin"] = ("\255"):rep(3000) } do
      local path = folder_of { [name] = text } .. "/" .. name
      for _, format in ipairs(formats.names) do
        local set, why = mb.spectra.read(path, { format = format, verbose = false })
        assert.is_true(set ~= nil or type(why) == "string" and not why:find "%f[%a]nil%f[%A]", format)
      end
    end
  end)
  it("is one of the names in docs/spectra.md, and none of those that only refuse", function()
    local names, documented = {}, {}
    for i, name in ipairs(require("moonbow.spectra.formats").names) do names[i] = name end
    local file <close> = assert(io.open "docs/spectra.md")
    for name in file:read("a"):match "not to be found by the%s+content: (.-)%.\n":gmatch "`([%w_]+)`" do
      documented[#documented + 1] = name
    end
    table.sort(names)
    assert.same(names, documented)
    local path = folder_of { f = "abc" } .. "/f"
    for _, name in ipairs { "refused", "zip", "xml" } do
      local ok, err = pcall(mb.spectra.read, path, { format = name })
      assert.is_false(ok)
      assert.matches("format: expected one of 'xrdml', ", err)
      assert.is_nil(err:match "^(.-), got":find("'" .. name .. "'", 1, true))
    end
  end)
end)
