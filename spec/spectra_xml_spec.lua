-- The reader of XML: what it understands, and what it refuses.
local mb = require "moonbow"
local Source = require "moonbow.spectra.source"
local xml = require "moonbow.spectra.xml"

local function tree(content, options)
  local source = Source.of("", "made", options)
  local root, message = Source.try(xml.tree, source, content)
  return root, message or source.notes
end

local function expect_refusal(message, bytes)
  local root, got = tree(bytes)
  assert.is_nil(root)
  assert.equal(message, got)
end

local function with_limit(name, value, f)
  local before = mb.limits[name]
  mb.limits[name] = value
  local ok, err = pcall(f)
  mb.limits[name] = before
  assert(ok, err)
end

describe("xml", function()
  it("gives elements, attributes and texts", function()
    local root = tree '<?xml version="1.0"?><!-- c --><a x="1"><b> one\n</b>t<![CDATA[<u>]]><b>&lt;&#181;</b></a>'
    assert.equal("a", root.name)
    assert.equal("1", root.attributes.x)
    assert.equal("t<u>", root.text)
    assert.equal("one", xml.text(root, "b"))
    assert.equal("<µ", xml.children(root, "b")[2].text)
    assert.is_nil(xml.text(root, "b/c"))
    assert.is_nil(xml.child(root, "c"))
  end)

  it("leaves prefixes of namespaces out", function()
    local root = tree '<x:a xmlns:x="urn:x"><x:b/></x:a>'
    assert.equal("a", root.name)
    assert.equal("b", root[1].name)
  end)

  it("reads UTF-16 and the 8-bit encodings of Windows", function()
    local function text(bytes) return assert(tree(bytes)).text end
    assert.equal("µ", text '<?xml version="1.0" encoding="windows-1252"?><a>\181</a>')
    assert.equal("µ", text '<?xml version="1.0" encoding="ISO-8859-1"?><a>\181</a>')
    assert.equal("µ", text "\255\254<\0a\0>\0\181\0<\0/\0a\0>\0")
    assert.equal("µ", text "\254\255\0<\0a\0>\0\181\0<\0/\0a\0>")
    assert.equal("µ", text "\239\187\191<a>µ</a>")
  end)

  it("reads what only says that it is UTF-8 as Latin-1, with a note", function()
    local root, notes = tree "<a>\181</a>"
    assert.equal("µ", root.text)
    assert.same({ "not UTF-8; read as Latin-1" }, notes)
    assert.same({ "not UTF-8; read as Latin-1" }, select(2, tree "<?xml version='1.0'?><a>x</a><!--\xc2-->"))
  end)

  it("reads pieces as it reads the whole, wherever they end", function()
    for _, bytes in ipairs { "<a>µ€😀 <b>1 2</b>\n<c d='€'/></a>", "<a>\181 <b/>\xe2\x82</a>", "<a>x</a><!--\xc2-->",
      "\255\254<\0a\0>\0\181\0<\0/\0a\0>\0" } do
      local whole, notes = tree(bytes)
      for at = 0, #bytes do
        local root, of_pieces = tree(function(put)
          put(bytes:sub(1, at))
          put(bytes:sub(at + 1))
        end)
        assert.same(whole, root)
        assert.same(notes, of_pieces)
      end
    end
  end)

  it("reads long prefixes in time that grows with their length", function()
    local name = ("p"):rep(1000000) .. ":a"
    assert.equal("a", tree(("<%s/>"):format(name)).name)
  end)

  it("keeps one of the blanks between elements", function()
    assert.equal("\n", tree("<a>" .. ("\n<b/>"):rep(1000) .. "</a>").text)
    assert.equal("x yz ", tree("<a>x<b/> <b/> <b/>y<b/>z<b/> </a>").text)
  end)

  it("names the line of an error", function()
    expect_refusal("line 2, column 3: mismatched tag", "<a>\n</b></a>")
    expect_refusal("line 1, column 5: junk after document element", "<a/><b/>")
    expect_refusal("line 1, column 4: undefined entity", "<a>&mu;</a>")
    expect_refusal('line 1, column 31: unknown encoding', '<?xml version="1.0" encoding="EBCDIC-X"?><a/>')
    expect_refusal("line 1, column 1: no element found", "")
  end)

  it("refuses documents that grow or read other files", function()
    local message = "XML with a document type (DTD) is not read"
    local bomb = { '<!DOCTYPE a [<!ENTITY x0 "ha">' }
    for i = 1, 30 do bomb[#bomb + 1] = ('<!ENTITY x%d "&x%d;&x%d;">'):format(i, i - 1, i - 1) end
    expect_refusal(message, table.concat(bomb) .. "]><a>&x30;</a>")
    expect_refusal(message, '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>')
    expect_refusal(message, '<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><a/>')
    expect_refusal(message, '<!DOCTYPE a [<!ATTLIST a b CDATA "long">]><a/>')
  end)

  it("bounds levels and elements", function()
    expect_refusal("more levels than limits.depth = 100", ("<a>"):rep(1000000))
    with_limit("entries", 10, function()
      expect_refusal("more than 10 elements; limits.entries = 10", "<a>" .. ("<b/>"):rep(10) .. "</a>")
      assert.is_truthy(tree("<a>" .. ("<b/>"):rep(9) .. "</a>"))
    end)
  end)

  it("joins a text of many parts in time that grows with its length", function()
    local root = tree("<a>" .. ("x<!-- -->"):rep(100000) .. ("<b/>x"):rep(100000) .. "</a>")
    assert.equal(200000, #root.text)
  end)

  it("keeps what is complete of a document that is cut off, if asked to", function()
    expect_refusal("line 1: the file is cut off: 2 elements are not closed; partial = true reads what is complete",
      "<a><b>1</b><b>2")
    local root, notes = tree("<a><b>1</b><b>2", { partial = true })
    assert.is_true(root.open)
    assert.is_nil(root[1].open)
    assert.is_true(root[2].open)
    assert.equal("2", root[2].text)
    assert.same({ "line 1: the file is cut off: 2 elements are not closed" }, notes)
  end)

  it("finds the first element", function()
    assert.equal("a", xml.root '<?xml version="1.0"?>\n<!-- <c> -->\n<x:a b="c">')
    assert.equal("a", xml.root "\255\254<\0a\0>\0")
    assert.equal("a", xml.root "\239\187\191<a/>")
    assert.equal("a", xml.root "<!DOCTYPE a [")
    assert.is_nil(xml.root "a < b")
    assert.is_nil(xml.root "")
    assert.is_nil(xml.root "<1>")
  end)

  it("says that lua-expat is missing, or why it cannot be loaded", function()
    local loaded, preload = package.loaded.lxp, package.preload.lxp
    finally(function() package.loaded.lxp, package.preload.lxp = loaded, preload end)
    local function message_for(failure)
      package.loaded.lxp, package.preload.lxp = nil, function() error(failure, 0) end
      return select(2, Source.try(xml.tree, Source.of("<a/>", "made"), "<a/>"))
    end
    assert.equal("reading it needs lua-expat, which is not installed (Debian: lua-expat, luarocks: luaexpat)",
      message_for "module 'lxp' not found:\n\tno file './lxp.lua'")
    assert.equal("lxp cannot be loaded: error loading module 'lxp': cannot map memory",
      message_for "error loading module 'lxp':\n\tcannot map memory")
  end)
end)
