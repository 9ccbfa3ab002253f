-- The version is defined once, as MB_VERSION in moonbow.h. Files that cannot read it there have to agree with it.
local mb = require "moonbow"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local version = read "csrc/kernel/moonbow.h":match '#define MB_VERSION "([%d.]+)"'

describe("the version", function()
  it("is mb.VERSION", function() assert.equal(version, mb.VERSION) end)
  it("equals that of the rockspec and of its name", function()
    local name = ("rockspec/moonbow-%s-1.rockspec"):format(version)
    assert.equal(version .. "-1", read(name):match '\nversion = "(.-)"')
  end)
  it("has a line in the list of changes for each name that is gone", function()
    local changes = read "CHANGELOG.md"
    local renamed = require "moonbow.renamed"
    for prefix, names in pairs { ["mb."] = renamed.of_mb, ["mb.data."] = renamed.of_data } do
      for name in pairs(names) do assert.is_truthy(changes:find("`" .. prefix .. name .. "`", 1, true), name) end
    end
  end)
  it("has new names for old ones", function()
    assert.error_matches(function() return mb.data.read_csv end,
      "mb.data.read_csv: this name is gone; write mb.spectra.read", nil, true)
    assert.error_matches(function() return mb.convolution_way end, "write mb.convolution_algorithm", nil, true)
  end)
  it("heads the list of changes", function()
    assert.equal(version, read "CHANGELOG.md":match "\n## ([%d.]+)")
  end)
end)
