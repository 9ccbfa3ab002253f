--- The page of the review: what was reviewed, and what several experiments found, as one self-contained HTML page.
local check = require "moonbow.check"
local html = require "moonbow.page"
local board = require "lib.review.board"
local dots = require "lib.review.dots"
local section = require "lib.review.section"
local subject = require "lib.review.subject"

local page = { headlines = board.headlines, verdict = board.verdict_text }

local result_kinds = {
  name = "string", claim = "string", verdict = "string", rules = "table", measured = "table", seeds = "integer",
  first_seed = "integer", quick = "boolean", seconds = "number", settings = "table", threads = "integer",
  written = "string", figures = "table",
}

local function is_a(value, kind) return type(value) == kind or math.type(value) == kind end

local function are_all(list, kind)
  for _, value in pairs(list) do
    if not is_a(value, kind) then return false end
  end
  return true
end

local function are_numbers(figure)
  for _, source in ipairs(board.sources) do
    if figure[source[1]] ~= nil and not is_a(figure[source[1]], "number") then return false end
  end
  return true
end

local function is_figure(figure)
  return is_a(figure.name, "string") and is_a(figure.values, "table") and #figure.values > 0
    and are_all(figure.values, "number") and are_numbers(figure)
end

--- True if a value from a file has the form of an experiment's results, as far as the page shows them
-- (docs/guide/5_experiments.md).
function page.is_result(value)
  if type(value) ~= "table" then return false end
  for name, kind in pairs(result_kinds) do
    if not is_a(value[name], kind) then return false end
  end
  if not (are_all(value.measured, "table") and are_all(value.rules, "table") and are_all(value.figures, "string")) then
    return false
  end
  for _, figure in ipairs(value.measured) do
    if not is_figure(figure) then return false end
  end
  for _, name in ipairs(value.figures) do
    if name:find("/", 1, true) then return false end
  end
  return (value.ceiling == nil or is_a(value.ceiling, "number"))
    and (value.options == nil or is_a(value.options, "string"))
end

local how = [[
<p>Every claim is a list of rules on measured figures. A rule is answered yes or no where the 95 % interval of the
mean over the seeds (Student's t; of a share of networks Wilson's) excludes its limit, and is undecided where it does
not or where there are fewer than three seeds; the page then says which number of seeds would decide it if mean and
spread stay, where one would. All yes: holds. All no: does not hold here. Some yes and some no: holds in part.
Otherwise: not decided by this many seeds. Condition and test of a claim describe the full run of its script; the
settings of a run are at the end of its section.</p>]]

local about_quick = [[
Quick runs have fewer spectra, epochs, trees, filters or seeds than full ones. They show that the scripts work and
decide nothing, and stand beside no figure of anyone else but those that a claim itself names. Condition, test and
objections of a claim describe its full run.]]

-- "evaluation_dataset, depth": the quick runs among the results, and how many.
local function quick_ones(all)
  local list = {}
  for _, results in ipairs(all) do
    if results.quick then list[#list + 1] = results.name end
  end
  return table.concat(list, ", "), #list
end

--- "12 experiments", "12 experiments, quick runs", "3 experiments, 2 of them quick runs".
function page.count(all)
  local _, count = quick_ones(all)
  local quick = count == #all and "quick runs" or ("%d of them %s"):format(count, count > 1 and "quick runs"
    or "a quick run")
  return check.show_count(#all, "experiment") .. (count > 0 and ", " .. quick or "")
end

local function quick_note(all)
  local list, count = quick_ones(all)
  if count == 0 then return "" end
  return ('<p class="quick">%s %s</p>'):format(count == #all and "These are quick runs."
    or html.escape(("%s: %s."):format(count > 1 and "Quick runs" or "A quick run", list)), about_quick)
end

--- Returns the page.
-- @param all a list of results, as docs/results.schema.json describes them
-- @param about lines for the head of the page, plain text
-- @param read_figure function(results, name): the text of an SVG, or nil
function page.render(all, about, read_figure)
  local title = "Networks for spectra: the review, executed"
  local body = { ("<h1>%s</h1>"):format(title), ("<p>%s</p>"):format(html.escape(about)), quick_note(all),
    "<h2>What was reviewed</h2>", subject.citation, "<h2>What came out</h2>", board.table(all), how,
    "<h2>The words</h2>", subject.words(), "<h2>The data</h2>", subject.data(), "<h2>The networks</h2>",
    subject.networks() }
  for _, results in ipairs(all) do body[#body + 1] = section.of(results, read_figure) end
  return html.document(title, body, board.style .. dots.style .. section.style)
end

return page
