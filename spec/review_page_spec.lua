-- The page of the review: its content, that it is self-contained, and errors that a browser reports.
local lfs = require "lfs"
local mb = require "moonbow"
local interpreter = require "support.interpreter"
local in_browser = require "support.in_browser"
local page = require "lib.page"
local temporary_folder = require "support.temporary_folder"
local claims = require "lib.review.claims"
local dots = require "lib.review.dots"
local drawing = require "lib.review.drawing"
local estimates = require "lib.review.estimates"

local function results(name, changes)
  local all = {
    schema = 1, name = name, claim = "A < B & \"C\"", verdict = "holds in part", seeds = 3, first_seed = 1,
    quick = false, rules = { { text = "a is above 1", figure = "a", above = 1, by = 0, answer = "yes" },
      { text = "b too", figure = "b @ far", above = 1, by = 0, answer = "no" } },
    measured = { { name = "a", values = { 1.5, 1.6, 1.7 }, published = 1.25, talk = 1.75, trial = 2.5 },
      { name = "b @ far", values = { 1, 1, 1 } } },
    ceiling = 0.98, settings = { n = 1000 }, seconds = 75, threads = 1, written = "now", figures = { "lines" },
  }
  for key, value in pairs(changes or {}) do all[key] = value end
  return all
end

local heatmap = {}
for i = 1, 80 do
  heatmap[i] = {}
  for j = 1, 80 do heatmap[i][j] = i * j end
end
local svg_path = os.tmpname() .. ".svg"
assert(mb.plot.grid(mb.plot.lines { x = { 1, 2 }, y = { 3, 4 }, marks = { { y = 3.5, label = "mark" } } },
  mb.plot.heatmap { z = heatmap }):save(svg_path))
local svg = assert(io.open(svg_path)):read "a"
os.remove(svg_path)

local html = page.render({ results "first", results("second", { ceiling = false, verdict = "holds" }) }, "About <this>",
  function() return svg end)

describe("the page of the review", function()
  it("shows claims, figures, rules and verdicts, escaped", function()
    assert.truthy(html:find("A &lt; B &amp; &quot;C&quot;", 1, true))
    assert.truthy(html:find("About &lt;this&gt;", 1, true))
    assert.truthy(html:find("1.600 (1.352 to 1.848)", 1, true)) -- 4.303 x 0.1 / sqrt 3
    for label, figure in pairs { talk = "1.75", publication = "1.25", ["our trial"] = "2.5" } do
      assert.truthy(html:find(('<td class="number" data-label="%s">%s</td>'):format(label, figure), 1, true), label)
    end
    assert.truthy(html:find("<b>No</b>: b too", 1, true))
    assert.truthy(html:find('<span class="verdict part">holds in part</span>', 1, true))
    assert.truthy(html:find("3 seeds from 1; n 1000; 1 thread; 1:15 min; now", 1, true))
  end)
  it("says of quick runs that they decide nothing, and shows no figure of others", function()
    local shown = page.render({ results("depth", { quick = true, measured = { { name = "a", values = { 1.5 },
      published = 1.25, talk = 1.75, trial = 2.5 }, { name = "b @ far", values = { 1 } },
      { name = "1 conv @ equal parameters", values = { 0.875 } } } }) }, "", function() return svg end)
    for _, figure in ipairs { ">1.25<", ">1.75<", ">2.5<" } do assert.is_nil(shown:find(figure, 1, true)) end
    assert.truthy(shown:find('class="quick">Quick run: decides nothing</text>', 1, true))
    local _, count = shown:gsub("Quick run: decides nothing", "")
    assert.equal(2, count) -- the figure of the page, and that of the script
    assert.truthy(shown:find("not decided by a quick run", 1, true))
    assert.is_nil(shown:find("holds in part</span>", 1, true))
    assert.is_nil(shown:find("<b>Yes</b>", 1, true))
  end)
  it("tells quick runs from full ones on one page", function()
    local changes = { quick = true, measured = { { name = "a", values = { 1.5 }, talk = 0.125 },
      { name = "b @ far", values = { 1 } } } }
    local both = { results "full", results("small", changes) }
    local shown = page.render(both, page.count(both), function() return svg end)
    assert.truthy(shown:find("<p>2 experiments, 1 of them a quick run</p>", 1, true))
    assert.truthy(shown:find('<p class="quick">A quick run: small. Quick runs have fewer', 1, true))
    assert.truthy(shown:find('data-label="our trial">2.5</td>', 1, true))
    assert.is_nil(shown:find(">0.125<", 1, true))
    assert.equal("1 experiment, quick runs", page.count { results("small", changes) })
    assert.equal("1 experiment", page.count { results "full" })
  end)
  it("compares a quick run with no figure of others in its text", function()
    local function text(is_quick)
      return page.render({ results("dissimilarity", { quick = is_quick }) }, "", function() return svg end)
    end
    assert.truthy(text(false):find("found 0.935 and 0.98", 1, true))
    assert.is_nil(text(true):find("0.935", 1, true))
  end)
  it("has a column for each source of figures of others that has any", function()
    local own = results("own", { measured = { { name = "a", values = { 1.5 }, trial = 2.5 } } })
    local shown = page.render({ own }, "", function() return svg end)
    assert.truthy(shown:find('<th class="number">Our trial</th>', 1, true))
    for _, heading in ipairs { "Talk", "Publication", "talk", "publication" } do
      assert.is_nil(shown:find(('<th class="number">%s</th>'):format(heading), 1, true), heading)
    end
  end)
  it("says what was reviewed, on which data, with which networks, in which words", function()
    for _, text in ipairs { "A Critical Review of Neural Networks for", "10.5445/IR/1000151442", "The border data",
      "<td>align</td><td class=\"number\">37</td>", "max-pool 1 / 2", ">148</text>", "<dt>near</dt>" } do
      assert.truthy(html:find(text, 1, true), text)
    end
  end)
  it("draws each layer of a network, the stride of a block once, and no window larger than the spectrum", function()
    local drawn = drawing.draw(mb.models.ho2019_resnet { classes = 2 }, { 320, 1 }, "A & B")
    assert.truthy(drawn:find('aria-label="A &amp; B: conv 64@5, norm; block 2 x 100@5 / 2, norm; ', 1, true))
    assert.truthy(drawn:find(">block 2 x 100@5, norm<", 1, true))
    assert.truthy(drawn:find(">dropout 0.5<", 1, true))
    for sees in drawn:gmatch 'x="360.0" y="[%d.]+" text%-anchor="end">(%d+)<' do
      assert.is_true(tonumber(sees) <= 320, sees)
    end
    local without = drawing.draw(mb.models.ho2019_resnet { classes = 2, batch_norm = false }, { 320, 1 }, "")
    assert.is_nil(without:find("norm", 1, true))
    local other = mb.nn.Sequential { mb.nn.Conv1d { filters = 2, kernel = 3 }, mb.nn.GlobalAvgPool1d {},
      mb.nn.Dense { units = 2 } }
    assert.truthy(drawing.draw(other, { 20, 1 }, ""):find(">GlobalAvgPool1d<", 1, true))
  end)
  it("has every claim of the review, with condition, test and objection, and figures of what its script measures",
    function()
    for _, path in ipairs { "evaluation_dataset", "pooling_benefit", "feature_maps", "convolution_contribution",
      "single_filter", "relu_emptiness", "pooling_resolution", "border_peaks", "batch_norm", "dissimilarity", "depth",
      "smoothing" } do
      local claim = claims[path]
      for _, field in ipairs { "says", "condition", "tested", "against" } do assert.is_string(claim[field], path) end
      assert.is_true(#claim.dots >= 1)
      for _, spec in ipairs(claim.dots) do assert.is_true(spec.from == 0 or spec.from == 0.5, path) end
    end
  end)
  it("names the spectra that claim 4 is judged on, and what the script measured against it on others", function()
    local claim = claims.single_filter
    assert.truthy(claim.condition:find("5 to 15 points, without noise and without background", 1, true))
    for _, figure in ipairs { "0.035 (14 of 400; 0.021 to 0.058)", "0.010 (4 of 400; 0.004 to 0.025)" } do
      assert.truthy(claim.against:find(figure, 1, true), figure)
    end
    local shown = {}
    for _, row in ipairs(claim.dots[1].rows) do shown[type(row) == "table" and row[1] or row] = true end
    for _, data in ipairs { "width 2-6", "noise and background" } do
      assert.is_true(shown["glorot, depth 3, " .. data], data)
    end
  end)
  it("draws means with their intervals, from chance on", function()
    local spec = { caption = "", from = 0.5, to = 1, rows = { "group", { "a", "one" }, { "missing", "none" } } }
    local drawn = dots.draw(spec, { measured = { { name = "a", values = { 0.7, 0.75, 0.8 } } } })
    local x = tonumber(drawn:match 'circle cx="([%d.]+)"')
    local low, high = drawn:match '<line x1="([%d.]+)" y1="[%d.]+" x2="([%d.]+)" y2="[%d.]+" style="stroke:#0072B2'
    local left, right = 158, 304 -- of the axis
    assert.near(left + (right - left) * 0.5, x, 0.1)
    assert.near(x - tonumber(low), tonumber(high) - x, 0.11)
    assert.near((right - left) / 0.5 * 4.303 * 0.05 / math.sqrt(3), x - tonumber(low), 0.1)
    assert.is_nil(drawn:find(">none<", 1, true))
    assert.is_nil(dots.draw(spec, { measured = { { name = "b", values = { 1 } } } }))
  end)
  it("shows where an interval goes on beyond the axis, and chance where the axis begins below it", function()
    local function draw(values)
      local spec = { caption = "", from = 0.5, to = 1, rows = { { "a", "one" } } }
      return dots.draw(spec, { measured = { { name = "a", values = values } } })
    end
    local function cuts(text) return select(2, text:gsub('class="cut"', "")) end
    local drawn, from, is_cut = draw { 0.43, 0.5, 0.61 } -- 0.513, 0.288 to 0.739
    assert.same({ 1, 0.5, true }, { cuts(drawn), from, is_cut })
    assert.truthy(drawn:find("M152.0 17.0 l7 -5 v10 z", 1, true)) -- points left, at the beginning of the axis
    drawn, from, is_cut = draw { 0.99, 0.9, 0.99 }
    assert.same({ 1, 0.5, true }, { cuts(drawn), from, is_cut })
    assert.truthy(drawn:find("M310.0 17.0 l-7 -5 v10 z", 1, true))
    drawn, from, is_cut = draw { 0.7, 0.75, 0.8 }
    assert.same({ 0, 0.5, false }, { cuts(drawn), from, is_cut })
    assert.is_nil(drawn:find("dasharray", 1, true))
    drawn, from = draw { 0.45, 0.45, 0.45 }
    assert.equal(0.4, from)
    assert.truthy(drawn:find('<line x1="182.3" y1="6.0" x2="182.3" y2="28.0" style="stroke:#5b6470;stroke-dasharray', 1,
      true))
    local shown = page.render({ results("depth", { measured = { { name = "a", values = { 1 } },
      { name = "1 conv @ equal parameters", values = { 0.43, 0.5, 0.61 } } } }) }, "", function() return svg end)
    assert.truthy(shown:find("begins at chance. An arrow: the interval goes on beyond the axis.", 1, true))
  end)
  it("gives shares of networks a binomial interval, and says how many seeds would decide a rule", function()
    local ones = {}
    for i = 1, 400 do ones[i] = i <= 57 and 1 or 0 end
    assert.equal("0.142 (57 of 400; 0.112 to 0.180)", estimates.text(ones))
    assert.equal("0.700 (2 seeds)", estimates.text { 0.6, 0.8 })
    local undecided = { measured = { { name = "a", values = { 0.9, 0.96, 0.93 } } } }
    local rule = { figure = "a", above = 0.92, answer = "undecided" }
    assert.equal(38, estimates.seeds_needed(undecided, rule)) -- the first n with t(n - 1) 0.03 / sqrt(n) below 0.01
    assert.is_nil(estimates.seeds_needed(undecided, { figure = "a", above = "unknown" }))
    local alive = { measured = { { name = "a", values = {} } } }
    for i = 1, 200 do alive.measured[1].values[i] = 1 end
    assert.equal("1.000 (200 of 200; 0.981 to 1.000)", estimates.text(alive.measured[1].values))
    assert.equal(381, estimates.seeds_needed(alive, { figure = "a", above = 0.99 })) -- n / (n + 1.96^2) above 0.99
    assert.equal("1.000 (1.000 to 1.000)", estimates.text { 1.0, 1.0, 1.0 })
    assert.is_nil(estimates.seeds_needed(undecided, { figure = "a", above = 0.93 })) -- the mean
  end)
  it("names the option that decides a rule, with more than was run, or says nothing", function()
    local values = { 0.9, 0.96, 0.93, 0.9, 0.96, 0.93, 0.9, 0.96 }
    local function said(changes)
      local own = results("relu_emptiness", { seeds = 8, settings = { trained = 8 },
        measured = { { name = "a", values = values } },
        rules = { { text = "a", figure = "a", above = 0.92, by = 0, answer = "undecided" } } })
      for key, value in pairs(changes) do own[key] = value end
      return page.render({ own }, "", function() return svg end):match "With this mean and spread <code>(.-)</code>"
    end
    local needed = estimates.seeds_needed({ measured = { { name = "a", values = values } } },
      { figure = "a", above = 0.92 })
    assert.is_true(needed > 8 and needed < 200)
    assert.equal("--trained " .. needed, said { seeds = 200 })
    assert.equal(("--seeds %d --trained %d"):format(needed, needed), said { seeds = 9 })
    assert.equal("--seeds " .. needed, said { name = "depth" })
    assert.is_nil(said { name = "depth", seeds = 200 }) -- no option is known to count these values
    assert.is_nil(said { seeds = 200, settings = { trained = 60 } })
    assert.is_nil(said { rules = { { text = "a", figure = "a", above = 0.5, by = 0, answer = "undecided" } } })
  end)
  it("shows the figures of the rules if nothing was published, and minutes", function()
    local own = results("own", {
      seconds = 90, measured = { { name = "c", values = { 1 } }, { name = "a", values = { 1.5 } },
        { name = "b @ far", values = { 1 } } },
      rules = { { text = "b too", figure = "b @ far", above = "a", answer = "no" },
        { text = "a low", figure = "a", below = 2, answer = "yes" } },
    })
    local names = {}
    for i, figure in ipairs(page.headlines(own)) do names[i] = figure.name end
    assert.same({ "b @ far", "a" }, names)
    own.measured[1].talk, own.measured[2].talk = 1, 1
    for i, figure in ipairs(page.headlines(own)) do names[i] = figure.name end
    assert.same({ "a", "b @ far", "c" }, names) -- those that decide, first of which others had one; then others
    assert.truthy(page.render({ own }, "", function() return svg end):find("1 thread; 1:30 min; now", 1, true))
  end)
  it("escapes names everywhere", function()
    local evil = '"><script>alert(1)</script>%1'
    local shown = page.render({ results(evil, { verdict = evil, written = evil, settings = { [evil] = evil },
      measured = { { name = evil, values = { 1 }, published = 1 } },
      rules = { { text = evil, figure = evil, above = 1, answer = evil } } }) }, evil, function() return svg end)
    assert.is_nil(shown:find("<script", 1, true))
    assert.truthy(shown:find('<section id="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;%1">', 1, true))
    assert.truthy(shown:find('id="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;%1-1-gpDot', 1, true)
      or shown:find("id='&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;%1-1-gpDot", 1, true))
  end)
  it("refuses files that are not results", function()
    assert.is_true(page.is_result(results "first"))
    local function refuses(changes) assert.is_false(page.is_result(results("first", changes))) end
    for _, value in ipairs { 5, "x", true, {} } do assert.is_false(page.is_result(value)) end
    assert.is_false(page.is_result(nil))
    refuses { measured = 5 }
    refuses { measured = { 5 } }
    refuses { measured = { { name = "a", values = {} } } }
    refuses { measured = { { name = "a", values = { "x" } } } }
    refuses { measured = { { name = "a", values = { 1 }, published = "x" } } }
    refuses { measured = { { name = "a", values = { 1 }, talk = "x" } } }
    refuses { rules = { 5 } }
    refuses { figures = { 5 } }
    refuses { figures = { "../../etc/secret" } }
    refuses { seconds = "long" }
    refuses { ceiling = "high" }
    refuses { quick = 1 }
  end)
  -- Runs a review of depth alone, whose script writes this text to results.json; returns what it prints.
  local function review_of(folder, text)
    assert(os.execute(("mkdir -p %s/out/depth && cp experiments/review.lua %s"):format(folder, folder)))
    local file = assert(io.open(folder .. "/depth.lua", "w"))
    file:write(([[
      assert(io.open("%s/out/depth/results.json", "w")):write(%q)
      for i = 1, #arg do
        if arg[i] == "--networks" then
          assert(os.execute("mkdir -p " .. arg[i + 1]))
          assert(io.open(arg[i + 1] .. "/a.safetensors", "w")):close()
        end
      end]]):format(folder, text))
    file:close()
    assert(os.execute(("%s %s/depth.lua"):format(interpreter, folder)))
    local pipe = io.popen(("%s %s/review.lua depth --quick --out %s/out 2>&1"):format(interpreter, folder,
      folder))
    local printed = pipe:read "a"
    pipe:close()
    return printed
  end
  it("is written although a results.json holds 5, or half a text", function()
    local folder = os.tmpname()
    os.remove(folder)
    for _, text in ipairs { "5", "[]", '{"name":"depth","quick":true', "null" } do
      local printed = review_of(folder, text)
      assert.matches("wrote .*/review.html", printed)
      assert.matches("failed: depth", printed)
      assert.is_truthy(io.open(folder .. "/out/networks/a.safetensors"))
    end
    os.execute("rm -r " .. folder)
  end)
  it("has the command, an axis that begins lower for a mean below, and a word for a figure that is gone", function()
    local depth = results("depth", { options = "--seeds 3 --n 7", measured = { { name = "a", values = { 1.5 } },
      { name = "b @ far", values = { 1 } }, { name = "1 conv @ equal parameters", values = { 0.45 } } } })
    local shown = page.render({ depth }, "", function() return nil end)
    assert.truthy(shown:find("<code>lua experiments/depth.lua --seeds 3 --n 7</code>", 1, true))
    assert.truthy(shown:find("The axis begins at 0.4, the dashed line is chance.", 1, true))
    local left = shown:match '<circle cx="([%d.]+)"'
    assert.near(158 + (304 - 158) * (0.45 - 0.4) / (1 - 0.4), tonumber(left), 0.1)
    assert.truthy(shown:find("lines.svg is missing", 1, true))
    assert.is_nil(shown:find('<div class="wide"></div>', 1, true))
    depth.measured[3].values = { 0.6 }
    assert.truthy(page.render({ depth }, "", function() return svg end):find("The axis begins at chance.", 1, true))
    assert.is_false(page.is_result(results("depth", { options = 5 })))
  end)
  it("says which texts describe full runs, what the heights are, and what every figure is called by", function()
    local shown = page.render({ results("depth", { quick = true }) }, "", function() return svg end)
    assert.truthy(shown:find("<b>Condition of the full run.</b>", 1, true))
    assert.truthy(shown:find("<b>Test of the full run.</b>", 1, true))
    assert.is_nil(shown:find("one seed. They show", 1, true))
    assert.truthy(html:find('class 1: 0.8, class 2: 0.6, each ± 0.1', 1, true))
    for _, word in ipairs { "at chance", "blind", "spikes", "variance @ stale", "@", "crop", "align", "first, last" } do
      assert.truthy(html:find("<dt>" .. word .. "</dt>", 1, true), word)
    end
  end)
  it("has drawings whose names do not clash", function()
    local seen = {}
    for id in html:gmatch "id=[\"']([^\"']+)" do
      assert.is_nil(seen[id], id)
      seen[id] = true
    end
    for reference in html:gmatch "href=[\"']#([^\"']+)" do assert.is_true(seen[reference], reference) end
    for reference in html:gmatch "url%(#([^)]+)" do assert.is_true(seen[reference], reference) end
    assert.is_true(seen["first-1-gpDot"] and seen["second-1-gpDot"])
  end)
  it("says of each drawing what it shows, and has none of gnuplot's titles", function()
    local depth = results("depth", { measured = { { name = "a", values = { 1.5 } },
      { name = "1 conv @ equal parameters", values = { 0.9, 0.9, 0.9 } } } })
    local shown = page.render({ depth }, "", function() return svg end)
    local count = 0
    for tag in shown:gmatch "<svg.->" do
      assert.matches('role="img" aria%-label="[^"]+"', (tag:gsub('viewBox="[^"]*" ', "")))
      count = count + 1
    end
    assert.is_true(count > 8)
    assert.truthy(shown:find('aria-label="Accuracy with the same number of parameters. convolutions, 1: 0.900 '
      .. '(0.900 to 0.900)"', 1, true))
    assert.truthy(shown:find('aria-label="Lines: A &lt; B', 1, true))
    assert.truthy(shown:find("Error bars, where there are any, are standard deviations", 1, true))
    local width = tonumber(svg:match 'width="(%d+)"')
    local style = ('<div style="min-width:%.0fpx;max-width:%.0fpx"><svg'):format(0.75 * width, width)
    assert.truthy(shown:find(style, 1, true))
    local _, titles = shown:gsub("<title>", "")
    assert.equal(1, titles) -- the page's own
    assert.is_nil(shown:find("Gnuplot", 1, true))
  end)
  it("has rules that are sentences by themselves", function()
    for path in lfs.dir "experiments" do
      local file = path:find "%.lua$" and io.open("experiments/" .. path)
      for text in (file and file:read "a" or ""):gmatch 'run:rule { "([^"]*)"' do
        assert.is_nil(text:find "^and ", text)
        assert.is_nil(text:find "^after ", text)
        assert.is_nil(text:find "^it ", text)
      end
    end
  end)
  it("says on paper where the figures are that paper does not show", function()
    assert.truthy(html:find('<p class="on_paper always">The figures of the script are in review.html', 1, true))
    assert.truthy(html:find('<p class="on_paper">The table of all figures is in review.html', 1, true))
    assert.truthy(html:find(".board tbody { break-inside: avoid; }", 1, true))
  end)
  it("has labels that end before the axis", function()
    for path, claim in pairs(claims) do
      for _, spec in ipairs(claim.dots) do
        for _, row in ipairs(spec.rows) do
          local label = type(row) == "table" and row[2]
          assert.is_true(not label or #label <= 20, ("%s: %s"):format(path, label))
        end
      end
    end
  end)
  it("asks nothing of the network", function()
    for address in html:gmatch "[%w:]*=[\"']%s*(%a+://[^\"']*)" do assert.matches("^http://www%.w3%.org/", address) end
    for source in html:gmatch "src=[\"']([^\"']*)" do assert.matches("^data:", source) end
    assert.is_nil(html:find("@import", 1, true))
    assert.is_nil(html:find("<script", 1, true))
  end)
  it("opens in a browser without a complaint, drawings visible", function()
    local printed = in_browser(html)
    if not printed then return pending "no chromium" end
    assert.truthy(printed:find('<section id="second">', 1, true), printed:sub(1, 500))
    assert.is_nil(printed:find "CONSOLE[^\n]*")
  end)
end)

describe("experiments/review.lua", function()
  local root = temporary_folder()
  local out = root .. "/out"
  local names = { "evaluation_dataset", "pooling_benefit", "feature_maps", "convolution_contribution", "single_filter",
    "relu_emptiness", "pooling_resolution", "border_peaks", "batch_norm", "dissimilarity", "depth", "smoothing" }
  local script = [[
    local name = %q
    local run <close> = require("moonbow").experiment.start { name = name, claim = name,
      seeds = { full = 2, quick = 1 }, settings = { n = { 3, 2 } },
      trains = name ~= "dissimilarity" }
    if run.networks then assert(io.open(run.networks .. "/a.safetensors", "w")):close() end
    for seed in run:each_seed() do run:add("a", run.settings.n + seed / 10) end
    run:rule { "a", "a", above = 1 }
    run:finish()
  ]]
  local function write(name, text)
    local file = assert(io.open(("%s/%s.lua"):format(root, name), "w"))
    file:write(text)
    file:close()
  end
  setup(function()
    assert(os.execute("cp experiments/review.lua " .. root))
    for _, name in ipairs(names) do write(name, script:format(name)) end
  end)
  teardown(function() os.execute("rm -r " .. root) end)

  local function call(name, arguments)
    local pipe = io.popen(("%s %s/%s.lua %s 2>&1"):format(interpreter, root, name, arguments))
    local text = pipe:read "a"
    return text, select(3, pipe:close())
  end
  local function review(arguments) return call("review", ("--quick --out %s %s"):format(out, arguments)) end
  local function read(path)
    local file = assert(io.open(out .. "/" .. path))
    local text = file:read "a"
    file:close()
    return text
  end

  local function results_of(name) return require("cjson").decode(read(name .. "/results.json")) end
  local function seeds_of(name) return results_of(name).seeds end

  it("runs an experiment again if seeds or settings are others", function()
    assert.matches("depth: started", (review "--seeds 2 depth"))
    assert.truthy(read "review.html":find("depth.lua --quick --seeds 2</code>", 1, true))
    assert.matches("depth: done before", (review "--seeds 2 depth"))
    assert.matches("depth: started, replaces results of 2 seeds, quick\n", (review "--fresh depth"))
    assert.equal(1, seeds_of "depth")
    assert.truthy(read "review.html":find("depth.lua --quick</code>", 1, true))
    call("depth", ("--quick --n 9 --out %s/depth"):format(out))
    assert.matches("depth: started", (review "depth"))
    assert.matches("depth: done before", (review "depth"))
    assert.matches("depth: started", (review "--fresh depth"))
  end)
  it("keeps a larger run, unless it is told to replace it", function()
    call("depth", ("--quick --seeds 3 --out %s/depth"):format(out))
    assert.matches("depth: its larger run is kept, 3 seeds, quick; %-%-fresh replaces it\n", (review "depth"))
    assert.equal(3, seeds_of "depth")
    call("depth", ("--out %s/depth"):format(out))
    assert.matches("depth: its larger run is kept, 2 seeds; ", (review "--seeds 5 depth"))
    assert.is_false(results_of("depth").quick)
    assert.matches("warning: .*depth/results.json is of 2 seeds, which this run of 1 seed will replace",
      (call("depth", ("--seeds 1 --out %s/depth"):format(out))))
    assert.matches("warning: .*is of 1 seed, which this run of 9 seeds, quick will replace",
      (call("depth", ("--seeds 9 --quick --out %s/depth"):format(out))))
    assert.is_nil((call("depth", ("--seeds 9 --out %s/depth"):format(out))):find("warning", 1, true))
    review "--fresh depth"
  end)
  it("leaves experiments whose seeds are networks their own number", function()
    review "--seeds 2 depth single_filter relu_emptiness"
    assert.same({ 2, 1, 1 }, { seeds_of "depth", seeds_of "single_filter", seeds_of "relu_emptiness" })
    review "--fresh depth"
    os.execute(("rm -r %s/single_filter %s/relu_emptiness"):format(out, out))
  end)
  it("keeps the networks until all have results, and shows all results that are there", function()
    assert.truthy(lfs.attributes(out .. "/networks", "mode"))
    review "smoothing"
    for _, name in ipairs { "depth", "smoothing" } do
      assert.truthy(read "review.html":find(('<section id="%s">'):format(name), 1, true), name)
    end
    review "--fresh smoothing"
    assert.truthy(lfs.attributes(out .. "/networks/a.safetensors", "mode"))
    assert.is_nil((review ""):find("failed", 1, true))
    assert.is_nil(lfs.attributes(out .. "/networks", "mode"))
  end)
  it("touches nothing if an option is wrong, and replaces results only by new ones", function()
    local before = read "depth/results.json"
    for arguments, message in pairs { ["--seeds 0"] = "--seeds: expected a positive integer, got 0", ["--seeds=-1"] =
      "--seeds: expected a positive integer, got -1", ["--seed=-1"] =
      "--seed: expected a non-negative integer, got -1", ["--seeds 2 --seed 9223372036854775807"] =
      "--seed: expected at most 9223372036854775806 with 2 seeds, got 9223372036854775807" } do
      local text, code = review(arguments .. " depth")
      assert.same({ "review: " .. message .. "\n", 2 }, { text, code })
    end
    assert.equal(before, read "depth/results.json")
    write("depth", "error 'broken'")
    assert.matches("failed: depth\n$", (review "--fresh depth"))
    assert.equal(before, read "depth/results.json")
  end)
end)
