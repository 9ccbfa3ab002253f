-- mb.audit: what it reads, says, leaves out and refuses.
local mb = require "moonbow"
local audited = require "support.audited"
local in_browser = require "support.in_browser"
local random_network = require "support.random_networks"
local rules = require "moonbow.audit.rules"
local nn = mb.nn
local LENGTH, net, conv, with_body, easy = audited.LENGTH, audited.net, audited.conv, audited.with_body, audited.easy
local trained, linear, easy_network, normed = audited.trained, audited.linear, audited.easy_network, audited.normed
local changed, lists, flipped, twice = audited.changed, audited.lists, audited.flipped, audited.twice
local unbalanced, nan = audited.unbalanced, audited.nan

describe("mb.audit", function()
  it("leaves the network as it is, and says the same again", function()
    local model = trained(normed(0.9), easy)
    local before = model:state()
    for name, tensor in pairs(before) do before[name] = tensor:totable() end
    model:train()
    local first = mb.audit(model, easy)
    for name, tensor in pairs(model:state()) do assert.same(before[name], tensor:totable(), name) end
    assert.is_true(model.training)
    local again = mb.audit(model, easy)
    again.seconds = first.seconds
    assert.equal(tostring(first), tostring(again))
    assert.equal(#rules, first.looked + #first.skipped)
  end)
  it("prints sentences, and is a page without a complaint", function()
    local found = mb.audit(trained(linear(), flipped(7)), flipped(7))
    local text = tostring(found)
    assert.matches("^Audit of a network on 60 training spectra of 100 points: 0 faults and %d remarks by %d+ rules",
      text)
    assert.matches("\nremark: suspects\n", text)
    assert.matches("\n  What to do: Look at these spectra", text)
    for line in text:gmatch "[^\n]+" do assert.is_true(#line <= 101, line) end
    local path = os.tmpname()
    assert.is_true(found:save(path))
    local html = assert(io.open(path)):read "a"
    os.remove(path)
    assert.equal(found:html(), html)
    assert.truthy(html:find("row 7 (class 1, votes for class 2)", 1, true))
    assert.is_nil(html:find("<script", 1, true))
    local printed = in_browser(html)
    if printed then assert.is_nil(printed:find "CONSOLE[^\n]*") end
  end)
  it("says once what to do about findings that follow each other", function()
    local found = mb.audit(easy_network, easy, { rules = { "logistic_as_good", "ridge_as_good", "chance" } })
    local text = tostring(found)
    assert.equal(2, #found.findings)
    assert.matches("\nremark: logistic_as_good; ridge_as_good\n  A linear softmax", text)
    assert.equal(1, select(2, text:gsub("What to do:", "")))
    assert.matches("Sources: experiments/border_peaks.lua, which compares networks with it;", text)
    assert.equal(1, select(2, found:html():gsub("What to do:", "")))
  end)
  it("escapes names of classes", function()
    local set = { train = twice(1), classes = { "<b>\27", "b" } }
    assert.is_nil(mb.audit(linear(), changed(set.train, { classes = set.classes, y = unbalanced, x = easy.train.x }))
      :html():find("<b>", 1, true))
  end)
  it("takes sets of spectra with label and samples", function()
    local labels = { kind = lists(60, function(i) return i % 2 == 0 and "a" or "b" end),
      sample = lists(60, function(i) return tostring(i // 2) end) }
    local measured = mb.spectra.set { x = easy.train.x, axis = { first = 400, last = 598, step = 2 }, unit = "cm-1",
      labels = labels }
    local found = mb.audit(linear(), measured, { label = "kind", groups = "sample", test = measured,
      rules = { "shared_samples", "twins" } })
    assert.equal(2, #found.findings)
    assert.matches("60 of 60 test spectra", found:has("twins").text)
    found = mb.audit(linear(), measured, { label = "kind", groups = lists(60, function(i) return i end),
      test = changed(easy.test, { groups = lists(150, function(i) return i end) }), rules = { "shared_samples" } })
    assert.matches("^60 of 150 test spectra", found:has("shared_samples").text)
    assert.error_matches(function()
      mb.audit(linear(), measured, { label = "kind", groups = { 1, 2 } })
    end, "audit: train%.groups: expected 60 labels, one per row, got 2")
    local thin = mb.audit(with_body(conv { kernel = 2 }), measured, { label = "kind", rules = { "field_below_peak" } })
    assert.matches("field before the dense layers is 2 points %(4 cm%-1%), but the peaks are %d+ points %(%d+ cm%-1%)",
      thin:has("field_below_peak").text)
  end)
  it("changes raw spectra where they and the steps are known, and says if they are not", function()
    -- Class by height 1 or 1.05: 1.1 times the height is always class 2; standardized, 1.1 times that is not.
    local heights = audited.both(200, function(values, class, rng)
      audited.gaussian(values, 50, class == 1 and 1 or 1.05, 2)
      audited.noise(values, rng, 1e-3)
    end)
    local train, test = heights.train, heights.test
    local steps, x = mb.preprocess.fit({ "standardize" }, train.x)
    local prepared = mb.preprocess.apply(steps, test.x)
    local model = linear() -- which reads the highest point alone
    local weights = lists(2 * LENGTH, function() return 0 end)
    weights[99], weights[100] = -1, 1
    audited.set_values(model.layers[2].weight, weights)
    local all = { rules = { "scale", "slope", "shift" }, trained = true }
    local found = mb.audit(model, { train = changed(train, { x = x, steps = steps, raw = train.x }),
      test = changed(test, { x = prepared, raw = test.x }) }, all)
    assert.near(0.5, found:has("scale").value, 0.01)
    assert.matches("^If all values grow by a tenth before the steps %(standardize%), as", found:has("scale").text)
    assert.matches("added before the steps %(standardize%) that", found:has("slope").text)
    for _, known in ipairs { "standardize", steps } do
      found = mb.audit(model, { train = changed(train, { x = x, steps = known }), test = changed(test,
        { x = prepared }) }, all)
      assert.equal(1, found.looked)
      assert.equal("only prepared spectra (standardize), not the raw ones", found.skipped[1].why)
    end
    local path = os.tmpname() .. ".safetensors"
    assert(mb.save(model, path, { preprocessing = steps, axis = lists(LENGTH, function(i) return 2 * i end) }))
    local loaded = assert(mb.load(path))
    os.remove(path)
    local function as_set(part)
      return mb.spectra.set { x = part.x, axis = { first = 2, last = 2 * LENGTH, step = 2 }, labels = {
        kind = lists(part.x:size(1), function(i) return part.y[i] == 1 and "a" or "b" end) } }
    end
    found = mb.audit(loaded, as_set(train), { label = "kind", test = as_set(test), rules = all.rules,
      trained = true })
    assert.near(0.5, found:has("scale").value, 0.01)
    local tensors = mb.audit(loaded, { train = changed(train, { x = x }), test = changed(test, { x = prepared }) }, all)
    assert.equal("only prepared spectra (standardize), not the raw ones", tensors.skipped[1].why)
  end)
  it("measures and says a shift of prepared spectra as one of these", function()
    local function draw(values, class) values[20 + class] = 1 end
    local set = audited.both(100, draw)
    local steps, x = mb.preprocess.fit({ "snv" }, set.train.x)
    local prepared = mb.preprocess.apply(steps, set.test.x)
    local model = trained(linear(), { train = changed(set.train, { x = x }) }, 100)
    local function text(train, test)
      return mb.audit(model, { train = changed(set.train, train), test = changed(set.test, test) },
        { rules = { "shift" } }):has("shift").text
    end
    assert.matches("^If the prepared spectra shift by 1 point,", text({ x = x, steps = "snv" }, { x = prepared }))
    assert.matches("^If the spectra shift by 1 point before the steps %(snv%),",
      text({ x = x, steps = steps, raw = set.train.x }, { x = prepared, raw = set.test.x }))
    assert.matches("^If the spectra shift by 1 point,", text({ x = x }, { x = prepared }))
  end)
  it("says what was skipped, and why", function()
    local why = {}
    for _, skipped in ipairs(mb.audit(linear(), easy).skipped) do why[skipped.name] = skipped.why end
    assert.equal("the network is not trained", why.chance)
    for _, skipped in ipairs(mb.audit(linear()).skipped) do why[skipped.name] = skipped.why end
    assert.equal("no training spectra", why.chance)
    for _, skipped in ipairs(mb.audit(linear(), nan).skipped) do why[skipped.name] = skipped.why end
    assert.equal("the spectra hold NaN or infinite values", why.suspects)
    local number = mb.audit(net { nn.Flatten {}, nn.Dense { units = 1 } }, easy, { task = "number" })
    for _, skipped in ipairs(number.skipped) do why[skipped.name] = skipped.why end
    assert.equal("no classes, but numbers", why.chance)
    assert.equal(0, #number.findings)
  end)
  it("knows from the loss that a network was trained for numbers", function()
    local x, y = easy.train.x, mb.tensor(easy.train.y):reshape(-1, 1)
    local function found(loss, units, targets)
      local model = net { nn.Flatten {}, nn.Dense { units = units } }
      mb.fit(model, { x = x, y = targets }, { epochs = 1, loss = loss, verbose = false })
      local names = {}
      for _, skipped in ipairs(mb.audit(model, { x = x, y = y }).skipped) do names[skipped.name] = skipped.why end
      return names.output_count
    end
    for _, loss in ipairs { "mse", "l1", { "huber", delta = 0.5 } } do
      assert.equal("no classes, but numbers", found(loss, 1, y))
    end
    assert.is_nil(found("cross_entropy", 2, easy.train.y))
    assert.is_nil(found("binary_cross_entropy", 2, mb.one_hot(easy.train.y, 2)))
  end)
  it("looks as far as it can at data of which there is little to say", function()
    local function why(set, rule, model)
      for _, skipped in ipairs(mb.audit(model or linear(), set, { trained = true }).skipped) do
        if skipped.name == rule then return skipped.why end
      end
    end
    local one = { x = easy.train.x, y = lists(60, function() return 1 end) }
    assert.equal("the training spectra are of one class", why({ train = one, test = easy.test }, "logistic_as_good"))
    local same = changed(easy.train, { x = mb.ones(60, LENGTH, 1) })
    assert.equal("the training spectra are all the same", why({ train = same, test = easy.test }, "plsda_as_good"))
    local few = { x = easy.train.x:narrow(1, 1), y = { 1 } }
    assert.equal("only one training spectrum", why(few, "stale_variance", normed(0.9)))
    local unmade = nn.Sequential { nn.Flatten {}, nn.BatchNorm1d {}, nn.Dense { units = 2 } }
    assert.equal("the network is not trained", why(easy, "stale_variance", unmade))
    assert.is_nil(unmade.input_shape)
  end)
  it("audits random networks of every kind of layer", function()
    local count = 0
    for seed = 1, 60 do
      local model, shape = random_network(seed)
      if #shape == 2 then
        model:build(shape)
        local part = { x = mb.rng(seed):normal(0, 1, { 12, shape[1], shape[2] }), y = lists(12,
          function(i) return i % 2 + 1 end) }
        local found = mb.audit(model, { train = part, test = part }, { trained = true })
        assert.equal(#rules, found.looked + #found.skipped)
        assert.is_true(#tostring(found) > 0 and #found:html() > 0)
        count = count + 1
      end
    end
    assert.is_true(count > 40)
  end)
  it("knows an untrained network by its first biases, and a trained one by mb.fit", function()
    local function is_trained(model)
      local skipped = mb.audit(model, easy, { rules = { "dead_units" } }).skipped[1]
      return not (skipped and skipped.why == "the network is not trained")
    end
    local function ends(...)
      local layers = { ... }
      layers[#layers + 1] = nn.Dense { units = 2 }
      return net(layers)
    end
    assert.is_false(is_trained(ends(nn.LSTM { units = 4 })))
    assert.is_false(is_trained(ends(nn.GRU { units = 4, bidirectional = true })))
    assert.is_false(is_trained(ends(conv { bias_initializer = 0.1 }, nn.Flatten {})))
    local still = net { nn.Flatten {}, nn.Dense { units = 2, bias_initializer = "ones" } }
    assert.is_false(is_trained(still))
    assert.is_true(is_trained(trained(still, easy, 1)))
  end)
  it("counts rules that lacked groups or files as skipped, and knows groups by their text", function()
    local groups = lists(60, function(i) return tostring(i // 2) end)
    local found = mb.audit(linear(), { train = changed(easy.train, { groups = groups }), test = easy.test },
      { rules = { "shared_samples", "files" } })
    assert.equal(0, found.looked)
    assert.equal("no groups of the training spectra and of the test spectra", found.skipped[1].why)
    assert.equal("no files of the training spectra", found.skipped[2].why)
    local numbers = lists(60, function(i) return i // 2 end)
    found = mb.audit(linear(), { train = changed(easy.train, { groups = groups }),
      test = changed(easy.train, { groups = numbers }) }, { rules = { "shared_samples" } })
    assert.equal(1, found:has("shared_samples").value)
  end)
  it("looks for copies and NaN in validation spectra beside test spectra", function()
    local groups = lists(60, function(i) return i // 2 end)
    local train, unlike = changed(easy.train, { groups = groups }), lists(150, function(i) return "test " .. i end)
    local set = { train = train, validation = train, test = changed(easy.test, { groups = unlike }) }
    local rules_of_copies = { "twins", "shared_samples", "not_finite" }
    local found = mb.audit(linear(), set, { rules = rules_of_copies })
    assert.matches("^60 of 60 validation spectra are nearly", found:has("twins").text)
    assert.matches("^60 of 60 validation spectra are of samples", found:has("shared_samples").text)
    assert.equal(1, found:has("twins").value)
    set.validation, set.test = set.test, { x = mb.concat({ easy.train.x:narrow(1, 1), easy.test.x }, 1),
      y = lists(151, function(i) return i % 2 + 1 end) }
    found = mb.audit(linear(), set, { rules = rules_of_copies })
    assert.equal(1, #found.findings) -- groups of the validation spectra alone
    assert.matches("^1 of 151 test spectra is nearly", found:has("twins").text)
    set.validation = nan
    found = mb.audit(linear(), set, { rules = rules_of_copies })
    assert.equal(1, found:has("not_finite").value)
    assert.truthy(found:has "twins")
  end)
  it("counts all spectra of a large set, and looks at 2000", function()
    local y = lists(4000, function(i) return i % 1000 == 0 and 2 or 1 end)
    local found = mb.audit(linear(), { x = mb.rand(4000, LENGTH, 1), y = y }, { rules = { "few_spectra" } })
    assert.equal(4, found:has("few_spectra").value)
  end)
  it("refuses what it cannot read, with the reason", function()
    local function raises(message, ...)
      local ok, err = pcall(...)
      assert.is_false(ok)
      assert.matches(message, err)
    end
    raises("audit: model: expected a layer", mb.audit, 5)
    local two = nn.Graph { inputs = { "s", "c" }, { name = "y", from = { "s", "c" }, nn.Dense { units = 2 } } }
    raises("train.x: expected spectra %(N, L, C%), got several inputs by name", mb.audit, two,
      { x = { s = mb.zeros(2, 3), c = mb.zeros(2, 1) }, y = { 1, 2 } })
    two:build { s = { 3 }, c = { 1 } }
    raises("model: expected a network of one input, spectra %(N, L, C%), got one of several by name", mb.audit, two)
    raises("without one the network must have been built", mb.audit, nn.Sequential { nn.Flatten {} })
    raises("audit: set: expected { x, y }", mb.audit, linear(), { validation = easy.train })
    raises("rules%[1%]: expected one of .*did you mean 'chance'", mb.audit, linear(), easy, { rules = { "chanse" } })
    raises("unknown option 'patient'; did you mean 'patience'", mb.audit, linear(), easy, { patient = 3 })
    raises("train.y: expected 60 labels", mb.audit, linear(), changed(easy.train, { y = { 1, 2 } }))
    raises('audit: train.y: row 1: expected a class number .*; of a network of numbers, say task = "number"$',
      mb.audit, linear(), changed(easy.train, { y = mb.rand(60) }))
    raises('train.y: expected one label per row.*; of a network of numbers, say task = "number"$', mb.audit,
      linear(), changed(easy.train, { y = mb.rand(60, 2) }))
    raises("audit: set: unknown key 'tests'; did you mean 'test'?", mb.audit, linear(),
      { train = easy.train, tests = easy.test })
    raises("audit: train.x: expected a tensor, got a table; mb.tensor makes one of a list", mb.audit, linear(),
      { x = { { 1, 2 } }, y = { 1 } })
    raises("train.steps: expected a string or a table, got 5", mb.audit, linear(), changed(easy.train, { steps = 5 }))
    raises("audit: step 1: expected one of .*did you mean 'snv'", mb.audit, linear(),
      changed(easy.train, { steps = { { name = "snw" } } }))
    local steps, x = mb.preprocess.fit({ "snv" }, easy.train.x)
    local function raw(changes)
      local all = { steps = steps, x = x, raw = easy.train.x }
      for key, value in pairs(changes) do all[key] = value end
      return mb.audit, linear(), changed(easy.train, all)
    end
    assert.is_truthy(pcall(raw {}))
    raises("audit: train.steps: expected the steps of mb.preprocess.fit, beside raw spectra, got 'snv'",
      raw { steps = "snv" })
    raises("audit: train.raw: expected a tensor, got 5", raw { raw = 5 })
    raises("audit: train.raw: expected spectra %(60, L, C%), as x, got shape {59, 100, 1}",
      raw { raw = easy.train.x:narrow(1, 59) })
    raises("audit: train.raw: expected the spectra of which the steps make x; they make others",
      raw { x = easy.train.x })
    raises("train.groups: expected 60 labels", mb.audit, linear(), changed(easy.train, { groups = { 1 } }))
    raises("audit: set.x: .*layer 2 %(Dense%): input has 50 features, weights expect 100", mb.audit, linear(),
      { x = mb.zeros(4, 50, 1), y = { 1, 2, 1, 2 } })
    raises("test.x: expected spectra %(N, 100, 1%), as those of the training, got shape {4, 50, 1}", mb.audit, linear(),
      { train = easy.train, test = { x = mb.zeros(4, 50, 1), y = { 1, 2, 1, 2 } } })
    raises("train.classes: expected a table, got 2; a list of the names of the classes", mb.audit, linear(),
      changed(easy.train, { classes = 2 }))
    raises("set.classes: expected a table, got 2", mb.audit, linear(), { train = easy.train, classes = 2 })
    raises("audit: axis: expected 100 numbers, one for each point, got 2", mb.audit, linear(),
      changed(easy.train, { axis = { 1, 2 } }))
    raises("audit: axis: expected a table, got 5", mb.audit, linear(), { train = easy.train, axis = 5 })
    local found = mb.audit(linear())
    raises("audit:has: name: expected one of", found.has, found, "nothing")
    assert.is_nil(found:has "chance")
    local ok, why = found:save "/nonexistent/audit.html"
    assert.is_nil(ok)
    assert.is_string(why)
  end)
end)
