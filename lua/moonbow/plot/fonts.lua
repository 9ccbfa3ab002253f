--- Characters that no installed font has. cairo, which draws PNG and PDF, would put huge shapes in their place.
local check = require "moonbow.check"

local fonts = {}

local covered = {} -- code point -> false if no font has it

-- Asks fontconfig for a font that has all of these code points. Without its program nothing is known.
local function any_font_has(points)
  local pipe = io.popen(("fc-list ':charset=%s' family 2>/dev/null"):format(table.concat(points, " ")))
  local text = pipe and pipe:read "a"
  local is_known = pipe and pipe:close()
  return not is_known or text:find "%S" ~= nil
end

-- Notes which characters of a text fonts have: all at once, if one font has them.
local function look_up(text)
  local points, seen = {}, {}
  for character in text:gmatch "[\194-\244][\128-\191]*" do
    local code = utf8.codepoint(character)
    if covered[code] == nil and not seen[code] then points[#points + 1], seen[code] = ("%x"):format(code), true end
  end
  local is_easy = #points == 0 or any_font_has(points)
  for _, point in ipairs(points) do covered[tonumber(point, 16)] = is_easy or any_font_has { point } end
end

--- Returns a text with "?" in place of the characters that no installed font has, and warns of them.
function fonts.replace_missing(text)
  look_up(text)
  local missing = {}
  text = text:gsub("[\194-\244][\128-\191]*", function(character)
    if covered[utf8.codepoint(character)] then return nil end
    if not missing[character] then missing[#missing + 1], missing[character] = character, true end
    return "?"
  end)
  if #missing > 0 then
    check.warn("plot", "no installed font has %s, drawn as ?; install one (Debian: fonts-noto), or save as SVG",
      table.concat(missing, " "))
  end
  return text
end

return fonts
