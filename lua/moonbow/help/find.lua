--- Entries found by name and by words.
local check = require "moonbow.check"

local find = {}

--- The entry of a path ("nn.Conv1d", "mb.fit", "x:sum"); if there is none, all entries whose last part is the name. The
-- second result is true for a path.
function find.named(entries, asked)
  local path = asked:gsub("^mb%.", ""):gsub("%(.*$", "")
  local found, name = {}, path:gsub("^[%w_]*:", "")
  for _, entry in ipairs(entries) do
    if entry.path == path then return { entry }, true end
    if entry.name == name then found[#found + 1] = entry end
  end
  return found, false
end

-- Writes British and American spellings alike: "normalise" and "normalize", "colour" and "color".
local function plain(text)
  return (text:lower():gsub("[_%-]", " "):gsub("([iy])s([aei])", "%1z%2"):gsub("our", "or"))
end

-- Synonyms of words that users ask for: words of entries, in the spelling of plain().
local synonyms = {
  load = { "read" }, import = { "read" }, open = { "read" }, write = { "save" }, export = { "save" },
  normalize = { "snv", "standardize", "min max", "area", "nn.batchnorm1d", "nn.layernorm" },
  scale = { "snv", "standardize", "min max" }, wavenumber = { "axis" }, wavelength = { "axis" },
  overfitting = { "nn.dropout", "early stopping", "weight decay", "l2" },
  regularization = { "nn.dropout", "early stopping", "weight decay", "l2" },
  label = { "class number" }, encode = { "class number" }, draw = { "plot" }, crossvalidation = { "k fold" },
  smooth = { "savitzky" }, gradcam = { "grad cam" }, interpretability = { "explain" }, feature = { "band", "point" },
  transfer = { "partial", "freez" }, learning = { "train" },
  uncertainty = { "coverage", "confidence", "disagreement", "votes" },
}

-- The word, without an ending, and its synonyms.
local function variants(word)
  local stem = #word >= 7 and word:match "^(.-)ing$" or #word >= 5 and word:match "^(.-[^s])s$" or word
  return { stem, table.unpack(synonyms[word] or synonyms[stem] or {}) }
end

-- The words of an entry in four fields by weight: path, options, first sentence, all other text.
local function fields_of(entry)
  if entry.words then return entry.words end
  local rest, options = { entry.text }, {}
  for i, option in ipairs(entry.options) do
    options[i] = option.name
    rest[#rest + 1] = option.text
  end
  for _, list in ipairs { entry.parameters or {}, entry.returns, entry.fields or {} } do
    for _, item in ipairs(list) do rest[#rest + 1] = item.text end
  end
  local fields = { entry.path, table.concat(options, " "), entry.summary, table.concat(rest, " ") }
  for i, field in ipairs(fields) do fields[i] = plain(field):gsub("%s+", " ") end
  entry.words = fields
  return fields
end

local weights = { 8, 4, 2, 1 }

-- The weight of the heaviest field that has a word or one of its synonyms, which weigh half.
local function weight_of(fields, word)
  local best = 0
  for v, variant in ipairs(variants(word)) do
    for i, field in ipairs(fields) do
      if (" " .. field):find("[^%w]" .. variant) then best = math.max(best, v == 1 and weights[i] or weights[i] / 2) end
    end
  end
  return best
end

-- How well an entry matches: the weights of all words, more if they stand together; 0 if one is missing.
local function score(entry, words)
  local fields, sum, together = fields_of(entry), 0, 0
  for _, word in ipairs(words) do
    local weight = weight_of(fields, word)
    if weight == 0 then return 0 end
    sum = sum + weight
  end
  local phrase = table.concat(words, " ")
  for i, field in ipairs(fields) do
    if field:find(phrase, 1, true) then together = math.max(together, weights[i]) end
  end
  return sum + 10 * together
end

--- The entries that mention all words of a text, the best first.
function find.by_words(entries, asked)
  local words, scores, found = {}, {}, {}
  for word in plain(asked):gmatch "%w+" do words[#words + 1] = word end
  for place, entry in ipairs(entries) do
    local points = #words > 0 and score(entry, words) or 0
    if points > 0 then
      found[#found + 1], scores[entry] = entry, points - place / #entries
    end
  end
  table.sort(found, function(a, b) return scores[a] > scores[b] end)
  return found
end

--- At most five names near a misspelt one.
function find.nearest(entries, asked)
  local names, seen, near = {}, {}, {}
  for _, entry in ipairs(entries) do
    if not seen[entry.name] then names[#names + 1] = entry.name end
    seen[entry.name] = true
  end
  for _ = 1, 5 do
    local name = check.nearest(asked, names)
    if not name then break end
    near[#near + 1] = name
    for i, other in ipairs(names) do
      if other == name then table.remove(names, i) break end
    end
  end
  return near
end

return find
