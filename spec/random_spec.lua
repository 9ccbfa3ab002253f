-- The generator: NumPy's streams through every method, shapes, states, misuse.
local mb = require "moonbow"

-- numpy.random.default_rng, NumPy 2.4.6. Each line is the first draws of a fresh g = default_rng(seed):
--   random: g.random(4)
--   uniform: g.uniform(-1, 2.5, 4)
--   normal: g.normal(10, 2, 4)
--   exponential: g.exponential(3, 4)
--   gamma_half: g.gamma(0.5, 2, 4)
--   gamma_one: g.gamma(1, 2, 4)
--   gamma_more: g.gamma(3.7, 2, 4)
--   poisson: g.poisson(4, 4)
--   poisson_ptrs: g.poisson(40, 4)
--   integers: g.integers(0, 10, 4)
--   integers_endpoint: g.integers(-5, 5, 4, endpoint=True)
--   integers_32: g.integers(0, 2**32, 4)
--   integers_63: g.integers(-2**62, 2**62, 4)
--   permutation: g.permutation(8) + 1
--   choice: g.choice(100, 4) + 1
--   choice_set: g.choice(100, 4, replace=False) + 1
--   choice_unshuffled: g.choice(100, 4, replace=False, shuffle=False) + 1
--   choice_tail: g.choice(20000, 1000, replace=False)[:4] + 1
--   choice_p: g.choice(5, 4, p=[0.1, 0.4, 0, 0.2, 0.3]) + 1
--   choice_p_set: g.choice(5, 4, replace=False, p=[0.1, 0.4, 0, 0.2, 0.3]) + 1
local references = {
  {
    seed = 0,
    random = { 0.6369616873214543, 0.2697867137638703, 0.04097352393619469, 0.016527635528529094 },
    uniform = { 1.22936590562509, -0.05574650182645391, -0.8565926662233185, -0.9421532756501482 },
    normal = { 10.251460442186787, 9.735790273417397, 11.280845300886565, 10.20980023430608 },
    exponential = { 2.039795711906729, 3.058791304397594, 0.05941998776716606, 0.006807980043684547 },
    gamma_half = { 0.8713316421808239, 0.0033576593274998383, 1.9700046290086755, 0.7686414574708157 },
    gamma_one = { 1.3598638079378191, 2.0391942029317294, 0.039613325178110705, 0.0045386533624563645 },
    gamma_more = { 7.20534395197988, 9.367520953822902, 4.9526789676915275, 12.741743115527662 },
    poisson = { 2, 0, 7, 3 },
    poisson_ptrs = { 43, 24, 42, 41 },
    integers = { 8, 6, 5, 2 },
    integers_endpoint = { 4, 2, 0, -3 },
    integers_32 = { 3653403231, 2735729615, 2195314465, 1158725112 },
    integers_63 = { 1263248596961149231, -2123342786782762096, -4233771963502889892, -4459245487058225138 },
    permutation = { 3, 5, 4, 7, 6, 1, 2, 8 },
    choice = { 86, 64, 52, 27 },
    choice_set = { 27, 51, 83, 63 },
    choice_unshuffled = { 83, 63, 51, 27 },
    choice_tail = { 16019, 4006, 8134, 3419 },
    choice_p = { 4, 2, 1, 1 },
    choice_p_set = { 4, 2, 1, 5 },
  },
  {
    seed = 1,
    random = { 0.5118216247002567, 0.9504636963259353, 0.14415961271963373, 0.9486494471372439 },
    uniform = { 0.7913756864508985, 2.3266229371407734, -0.495441355481282, 2.3202730649803534 },
    normal = { 10.691168384129572, 11.643236287002317, 10.660874152366775, 7.393685536791278 },
    exponential = { 3.2190870791176165, 0.925359432375853, 16.12631061782438, 1.0992813386994957 },
    gamma_half = { 0.5242134925172599, 0.3584105647994614, 0.3348878664105349, 0.0015190094454885325 },
    gamma_one = { 2.1460580527450777, 0.6169062882505687, 10.750873745216253, 0.7328542257996639 },
    gamma_more = { 8.082807321701798, 8.020185871695414, 10.632118825160616, 4.9488409265611795 },
    poisson = { 5, 3, 5, 2 },
    poisson_ptrs = { 40, 36, 47, 41 },
    integers = { 4, 5, 7, 9 },
    integers_endpoint = { 0, 0, 3, 5 },
    integers_32 = { 2032329983, 2198257139, 3243419750, 4082210491 },
    integers_63 = { 109035242690540159, 4154794260310873139, -3282048277625303962, 4138060765076010985 },
    permutation = { 6, 1, 2, 5, 3, 7, 4, 8 },
    choice = { 48, 52, 76, 96 },
    choice_set = { 75, 51, 96, 46 },
    choice_unshuffled = { 46, 51, 75, 96 },
    choice_tail = { 12833, 18424, 15047, 913 },
    choice_p = { 4, 5, 2, 5 },
    choice_p_set = { 4, 5, 2, 1 },
  },
  {
    seed = 2022,
    random = { 0.24742606345259932, 0.0929900616754864, 0.6117633730611934, 0.06066207353409203 },
    uniform = { -0.13400877791590238, -0.6745347841357976, 1.141171805714177, -0.7876827426306778 },
    normal = { 15.352830578596983, 8.314411185521152, 14.156360067555486, 6.94468013507325 },
    exponential = { 1.5448856896799463, 0.19194854151940777, 3.7372711579978275, 0.4854617069378956 },
    gamma_half = { 0.1224393137512994, 0.7849958310752512, 0.964253015635624, 0.024583826405761625 },
    gamma_one = { 1.0299237931199643, 0.12796569434627184, 2.491514105331885, 0.32364113795859706 },
    gamma_more = { 22.10440347535117, 17.601182703558543, 8.294336561720534, 1.1220728590036135 },
    poisson = { 2, 3, 1, 5 },
    poisson_ptrs = { 35, 42, 43, 31 },
    integers = { 7, 2, 7, 0 },
    integers_endpoint = { 2, -3, 3, -4 },
    integers_32 = { 3036263665, 1062686850, 3217948997, 399389273 },
    integers_63 = { -2329583383589627272, -3754004083864305502, 1030835169837180525, -4052177145695414531 },
    permutation = { 7, 5, 1, 4, 8, 6, 3, 2 },
    choice = { 71, 25, 75, 10 },
    choice_set = { 10, 75, 25, 69 },
    choice_unshuffled = { 69, 25, 75, 10 },
    choice_tail = { 8856, 3377, 19552, 14711 },
    choice_p = { 2, 1, 4, 1 },
    choice_p_set = { 2, 1, 4, 5 },
  },
  {
    seed = math.maxinteger,
    random = { 0.1754661243027813, 0.4699286514015091, 0.8250374441530688, 0.3049326362166703 },
    uniform = { -0.38586856494026545, 0.6447502799052818, 1.8876310545357406, 0.06726422675834609 },
    normal = { 9.444656320491292, 7.709103416932346, 11.908928411223101, 9.615455372374658 },
    exponential = { 1.1280066847300596, 3.3251705750300724, 4.686506774661516, 1.9318945077297953 },
    gamma_half = { 0.0615767215556782, 2.101324034314715, 0.4534687486752509, 0.6834903850433574 },
    gamma_one = { 0.7520044564867064, 2.2167803833533815, 3.124337849774344, 1.2879296718198636 },
    gamma_more = { 5.764898977850379, 10.87836422618058, 15.436113225713378, 3.0332735407027887 },
    integers = { 4, 1, 2, 4 },
    integers_endpoint = { -1, -4, -3, 0 },
    integers_32 = { 1873966356, 753621265, 957203836, 2018328189 },
    integers_63 = { -2993296674117830006, -277359235773832514, 2997941273332161092, -1799178868422140285 },
    permutation = { 7, 4, 3, 6, 1, 8, 2, 5 },
    choice = { 44, 18, 23, 47 },
    choice_set = { 18, 43, 47, 23 },
    choice_unshuffled = { 43, 18, 23, 47 },
    choice_tail = { 19758, 5419, 10868, 15947 },
    choice_p = { 2, 2, 5, 2 },
    choice_p_set = { 2, 5, 4, 1 },
  },
  {
    seed = { 1, 2, 3 },
    random = { 0.6704722626516632, 0.1110146366693816, 0.5115090823948739, 0.35617642615752443 },
    uniform = { 1.346652919280821, -0.6114487716571644, 0.7902817883820588, 0.2466174915513355 },
    normal = { 8.802712037352062, 15.591388572020461, 9.648067993046293, 12.312011798795275 },
    exponential = { 1.6072350096519676, 0.6982232974322466, 1.2928550908881131, 1.1520574853355616 },
    gamma_half = { 1.003870205097688, 0.523558366824156, 1.165090047803476, 1.1994802581221464 },
    gamma_one = { 1.071490006434645, 0.46548219828816445, 0.8619033939254087, 0.7680383235570412 },
    gamma_more = { 4.7667474093855935, 6.10801436890916, 16.191553351264822, 2.5892833265350097 },
    integers = { 9, 6, 8, 1 },
    integers_endpoint = { 5, 2, 4, -4 },
    integers_32 = { 4140415376, 2879656440, 3746571515, 476804233 },
    integers_63 = { 1572329100400712904, -3587756722889420163, 106152548730737881, -1326538329219206861 },
    permutation = { 5, 3, 7, 6, 2, 4, 8, 1 },
    choice = { 97, 68, 88, 12 },
    choice_set = { 94, 87, 12, 66 },
    choice_unshuffled = { 94, 66, 87, 12 },
    choice_tail = { 12582, 13293, 17255, 18618 },
    choice_p = { 4, 2, 4, 2 },
    choice_p_set = { 4, 2, 5, 1 },
  },
  {
    seed = { 2^40 // 1, 0, 5 },
    random = { 0.5949140149890181, 0.985515597393742, 0.34540970237426183, 0.5669910650470279 },
    uniform = { 1.0821990524615632, 2.449304590878097, 0.20893395830991635, 0.9844687276645976 },
    normal = { 10.740244222535132, 9.277866093107882, 13.754117425145067, 11.237546256690461 },
    exponential = { 3.581552673161579, 3.0374889598586847, 2.9782007583518926, 1.8473106376811084 },
    gamma_half = { 0.7326657110796669, 0.23861572498855227, 0.4355549759779907, 2.9430085671506276 },
    gamma_one = { 2.3877017821077193, 2.02499263990579, 1.985467172234595, 1.231540425120739 },
    gamma_more = { 8.18494270041668, 16.23746018023467, 5.453358175587258, 7.141086602091359 },
    integers = { 3, 5, 5, 9 },
    integers_endpoint = { -2, 1, 0, 5 },
    integers_32 = { 1330952200, 2555136238, 2164769541, 4232757260 },
    integers_63 = { 875427271755324420, 4478090984458281346, -1425843828290289806, 617883516073877028 },
    permutation = { 3, 2, 4, 8, 5, 6, 7, 1 },
    choice = { 31, 60, 51, 99 },
    choice_set = { 31, 50, 99, 59 },
    choice_unshuffled = { 31, 59, 50, 99 },
    choice_tail = { 4914, 8227, 5434, 8259 },
    choice_p = { 4, 5, 2, 4 },
    choice_p_set = { 4, 5, 2, 1 },
  },
}

-- A number rounded as a tensor rounds it.
local function float32(value) return (string.unpack("f", string.pack("f", value))) end

local function repeated(count, f)
  local values = {}
  for i = 1, count do values[i] = f() end
  return values
end

local function assert_close(expected, values)
  assert.equal(#expected, #values)
  for i, value in ipairs(expected) do
    local close = math.abs(values[i] - value) <= 1e-14 * math.abs(value)
    assert.is_true(close, ("%.17g for %.17g"):format(values[i], value))
  end
end

-- Returns the first four numbers of a method one by one, and as a tensor of shape {2, 2}.
local function check_method(reference, expected, method, ...)
  local arguments = table.pack(...)
  local function draw(rng, ...)
    local all = table.move(arguments, 1, arguments.n, 1, {})
    table.move({ ... }, 1, select("#", ...), arguments.n + 1, all)
    return rng[method](rng, table.unpack(all, 1, arguments.n + select("#", ...)))
  end
  local rng = mb.rng(reference.seed)
  assert_close(expected, repeated(4, function() return draw(rng) end))
  local e = {}
  for i, value in ipairs(expected) do e[i] = float32(value) end
  assert.same({ { e[1], e[2] }, { e[3], e[4] } }, draw(mb.rng(reference.seed), 2, 2):totable())
  assert.same({ e[1], e[2], e[3], e[4] }, draw(mb.rng(reference.seed), { 4 }):totable())
end

local function seed_name(seed)
  return type(seed) == "table" and "{" .. table.concat(seed, ", ") .. "}" or tostring(seed)
end

for _, reference in ipairs(references) do
  describe("default_rng(" .. seed_name(reference.seed) .. ")", function()
    local function rng() return mb.rng(reference.seed) end

    it("random", function() check_method(reference, reference.random, "random") end)
    it("uniform", function() check_method(reference, reference.uniform, "uniform", -1, 2.5) end)
    it("normal", function() check_method(reference, reference.normal, "normal", 10, 2) end)
    it("exponential", function() check_method(reference, reference.exponential, "exponential", 3) end)
    it("gamma", function()
      check_method(reference, reference.gamma_half, "gamma", 0.5, 2)
      check_method(reference, reference.gamma_one, "gamma", 1, 2)
      check_method(reference, reference.gamma_more, "gamma", 3.7, 2)
    end)

    it("poisson", function()
      if reference.poisson then
        check_method(reference, reference.poisson, "poisson", 4)
        check_method(reference, reference.poisson_ptrs, "poisson", 40)
      end
    end)

    it("integers", function()
      local function check(expected, low, high, options)
        local g = rng()
        assert.same(expected, repeated(4, function() return g:integers(low, high, options) end))
      end
      check(reference.integers, 0, 10)
      check(reference.integers_endpoint, -5, 5, { endpoint = true })
      check(reference.integers_32, 0, 2 ^ 32)
      check(reference.integers_63, -(1 << 62), 1 << 62)
      check({ 7, 7, 7, 7 }, 7, 8)
      assert.same(reference.integers, rng():integers(0, 10, { shape = { 4 } }):totable())
      local i = reference.integers_endpoint
      assert.same({ { i[1], i[2] }, { i[3], i[4] } },
        rng():integers(-5, 5, { shape = { 2, 2 }, endpoint = true }):totable())
    end)

    it("permutation and shuffle", function()
      local expected = reference.permutation
      assert.same(expected, rng():permutation(8):totable())
      assert.same(expected, rng():permutation(mb.arange(8)):totable())
      local list = { 1, 2, 3, 4, 5, 6, 7, 8 }
      assert.is_nil(rng():shuffle(list))
      assert.same(expected, list)
      local rows, x = {}, mb.arange(16):reshape(8, 2)
      for i, row in ipairs(expected) do rows[i] = { 2 * row - 1, 2 * row } end
      assert.same(rows, rng():permutation(x):totable())
      assert.same({ 1, 2 }, x[1]:totable())
      assert.is_nil(rng():shuffle(x))
      assert.same(rows, x:totable())
    end)

    it("choice", function()
      local g = rng()
      assert.same(reference.choice, repeated(4, function() return g:choice(100) end))
      assert.same(reference.choice, rng():choice(100, { size = 4 }):totable())
      assert.same(reference.choice_set, rng():choice(100, { size = 4, replace = false }):totable())
      assert.same(reference.choice_unshuffled,
        rng():choice(100, { size = 4, replace = false, shuffle = false }):totable())
      local tail = rng():choice(20000, { size = 1000, replace = false })
      assert.same(reference.choice_tail, tail:narrow(1, 4):totable())
    end)

    it("choice with probabilities", function()
      local p = { 0.1, 0.4, 0, 0.2, 0.3 }
      local g = rng()
      assert.same(reference.choice_p, repeated(4, function() return g:choice(5, { p = p }) end))
      assert.same(reference.choice_p, rng():choice(5, { size = 4, p = p }):totable())
      assert.same(reference.choice_p, rng():choice(5, { size = 4, p = mb.tensor(p) }):totable())
      assert.same(reference.choice_p_set, rng():choice(5, { size = 4, p = p, replace = false }):totable())
      assert.same({ 0.1, 0.4, 0, 0.2, 0.3 }, p)
    end)

    it("choice out of a tensor", function()
      local c, x = reference.choice_p, mb.tensor { { 1, 10 }, { 2, 20 }, { 3, 30 }, { 4, 40 }, { 5, 50 } }
      local options = { size = { 2, 2 }, p = { 0.1, 0.4, 0, 0.2, 0.3 } }
      local function row(i) return { c[i], 10 * c[i] } end
      assert.same({ { row(1), row(2) }, { row(3), row(4) } }, rng():choice(x, options):totable())
      assert.same({ { c[1], c[2] }, { c[3], c[4] } }, rng():choice(mb.arange(5), options):totable())
      options.size = nil
      assert.same(row(1), rng():choice(x, options):totable())
      assert.equal(c[1], rng():choice(mb.arange(5), options))
    end)
  end)
end

describe("rng", function()
  it("takes seeds that are equal for NumPy", function()
    assert.equal(mb.rng(5):random(), mb.rng { 5 }:random())
    assert.equal(mb.rng(2 ^ 40):random(), mb.rng { 0, 256 }:random())
    assert.not_equal(mb.rng { 5, 1 }:random(), mb.rng { 5, 2 }:random())
  end)

  it("takes entropy from the system without a seed", function()
    assert.not_equal(mb.rng():state(), mb.rng():state())
    assert.not_equal(mb.rng(nil):state(), mb.rng(nil):state())
  end)

  it("uses defaults if arguments are left out", function()
    assert.equal(mb.rng(3):random(), mb.rng(3):uniform())
    assert.equal(mb.rng(3):normal(0, 1), mb.rng(3):normal())
    assert.equal(mb.rng(3):exponential(1), mb.rng(3):exponential())
    assert.equal(mb.rng(3):gamma(2, 1), mb.rng(3):gamma(2))
    assert.same(mb.rng(3):random(2, 3):totable(), mb.rng(3):uniform(nil, nil, 2, 3):totable())
    assert.equal("float", math.type(mb.rng(3):normal(5, 0)))
    assert.equal(5, mb.rng(3):normal(5, 0))
    assert.equal(0, mb.rng(3):gamma(0))
  end)

  it("keeps half a draw between 32-bit integers, as NumPy does", function()
    local g = mb.rng(2022) -- g.integers(0, 10), g.random(), g.integers(0, 10), g.random()
    assert.same({ 7, 0.0929900616754864, 2, 0.6117633730611934 },
      { g:integers(0, 10), g:random(), g:integers(0, 10), g:random() })
  end)

  it("shows its state", function()
    assert.equal("generator (" .. mb.rng(1):state() .. ")", tostring(mb.rng(1)))
  end)

  it("saves and restores its state exactly, the kept half included", function()
    local g = mb.rng(9)
    g:integers(0, 10)
    local state, copy = g:state(), g:copy()
    local expected = { g:integers(0, 10), g:normal(), g:random() }
    assert.same(expected, { copy:integers(0, 10), copy:normal(), copy:random() })
    local other = mb.rng(1)
    other:set_state(state)
    assert.equal(state, other:state())
    assert.same(expected, { other:integers(0, 10), other:normal(), other:random() })
    assert.equal(g:state(), copy:state())
    g:random()
    assert.not_equal(g:state(), copy:state())
  end)

  it("can be opened twice", function()
    local before = mb.rng(4)
    local again = package.loadlib(package.searchpath("moonbow.core", package.cpath), "luaopen_moonbow_core")()
    assert.equal(mb.rng(4):normal(), again.rng_normal(before))
  end)
end)

describe("the default generator", function()
  local random = require "moonbow.random"

  it("is seeded by mb.seed", function()
    mb.seed(2022)
    local first = random.default():random()
    assert.equal(0.24742606345259932, first)
    assert.same(mb.rng(2022):state(), (function() mb.seed(2022) return random.default():state() end)())
    mb.seed { 1, 2 }
    assert.equal(mb.rng({ 1, 2 }):state(), random.default():state())
  end)

  it("is what mb.rand and mb.randn draw from", function()
    mb.seed(7)
    assert.same(mb.rng(7):random(3, 2):totable(), mb.rand(3, 2):totable())
    mb.seed(7)
    assert.same(mb.rng(7):normal(0, 1, 5):totable(), mb.randn(5):totable())
  end)
end)

describe("misuse of generators", function()
  local g = mb.rng(1)
  local x = mb.arange(3)

  local function refuses(message, f, ...)
    local state = g:state()
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    assert.truthy(err:find(message, 1, true), ("%q\nlacks\n%q"):format(err, message))
    assert.equal(state, g:state())
  end
  local function method(name, message, ...) refuses(message, g[name], g, ...) end

  it("refuses seeds", function()
    local expected = "rng: seed: expected an integer of at least 0, got "
    refuses(expected .. "-1", mb.rng, -1)
    refuses(expected .. "1.5", mb.rng, 1.5)
    refuses(expected .. "'1'", mb.rng, "1")
    refuses(expected .. "true", mb.rng, true)
    refuses(expected .. "-3", mb.rng, { 1, -3 })
    refuses(expected .. "a table", mb.rng, { { 1 } })
    refuses("rng: seed: got an empty table", mb.rng, {})
    refuses("seed: expected an integer of at least 0 or a table of such, got nil", mb.seed)
  end)

  it("refuses shapes", function()
    method("random", "rng:random: shape: expected an integer from 1 to 2147483647, got 0", 2, 0)
    method("random", "rng:random: shape: expected an integer from 1 to 2147483647, got nil", nil, 2)
    method("random", "rng:random: shape: expected 1 to 4 dimensions, got 5", 1, 1, 1, 1, 1)
    method("normal", "rng:normal: shape: expected 1 to 4 dimensions, got 0", 0, 1, {})
    method("uniform", "rng:uniform: shape: expected an integer from 1 to 2147483647, got 2.5", 0, 1, 2.5)
  end)

  it("refuses parameters", function()
    method("uniform", "rng:uniform: expected low <= high, got 2.0 and 1.0", 2, 1)
    method("uniform", "rng:uniform: high - low is too large", -1e308, 1e308)
    method("uniform", "rng:uniform: low: expected a finite number, got", 0 / 0, 1)
    method("uniform", "rng:uniform: high: expected a finite number, got inf", 0, math.huge)
    method("normal", "rng:normal: sd: expected a number of at least 0, got -1", 0, -1)
    method("normal", "rng:normal: sd: expected a finite number, got", 0, 0 / 0)
    method("normal", "rng:normal: mean: expected a number, got 'a'", "a")
    method("exponential", "rng:exponential: scale: expected a number of at least 0, got -0.5", -0.5)
    method("exponential", "rng:exponential: scale: expected a finite number, got inf", math.huge)
    method("gamma", "rng:gamma: shape parameter: expected a number, got no value")
    method("gamma", "rng:gamma: shape parameter: expected a number of at least 0, got -1", -1)
    method("gamma", "rng:gamma: shape parameter: expected a finite number, got inf", math.huge)
    method("gamma", "rng:gamma: scale: expected a number of at least 0, got -2", 1, -2)
    method("gamma", "rng:gamma: scale: expected a finite number, got", 1, 0 / 0)
  end)

  it("refuses integers", function()
    method("integers", "rng:integers: expected low < high, got 3 and 3", 3, 3)
    method("integers", "rng:integers: expected low <= high, got 4 and 3", 4, 3, { endpoint = true })
    method("integers", "rng:integers: low: expected an integer", 0.5, 3)
    method("integers", "rng:integers: high: expected an integer", 0)
    method("integers", "rng:integers: high: expected an integer", 0, 0 / 0)
    method("integers", "rng:integers: unknown option 'end_point'; did you mean 'endpoint'?", 0, 3,
      { end_point = true })
    method("integers", "rng:integers: endpoint: expected a boolean", 0, 3, { endpoint = 1 })
    method("integers", "rng:integers: a tensor holds integers up to 16777216 exactly", 0, 2 ^ 25,
      { shape = { 2 } })
  end)

  it("refuses permutations", function()
    method("permutation", "rng:permutation: n: expected an integer from 1 to 16777216, got 0", 0)
    method("permutation", "rng:permutation: n or tensor: expected a tensor, got no value")
    method("permutation", "rng:permutation: n or tensor: expected a tensor, got a table", { 1, 2 })
    method("shuffle", "rng:shuffle: tensor or table: expected a tensor, got 3", 3)
    method("shuffle", "rng:shuffle: the tape follows this tensor", mb.arange(3):param())
  end)

  it("refuses choices", function()
    method("choice", "rng:choice: n: expected an integer from 1 to 16777216, got 0", 0)
    method("choice", "rng:choice: n or tensor: expected a tensor, got nil", nil)
    method("choice", "rng:choice: cannot choose 4 out of 3 without replacement", 3,
      { size = 4, replace = false })
    method("choice", "rng:choice: cannot choose 4 out of 3 without replacement", x,
      { size = 4, replace = false })
    method("choice", "rng:choice: size: expected a positive integer or a table, got 0", 3, { size = 0 })
    method("choice", "rng:choice: p: expected 3 probabilities, got 2", 3, { p = { 0.5, 0.5 } })
    method("choice", "rng:choice: p: expected a number, got 'a'", 2, { p = { "a", 0.5 } })
    method("choice", "rng:choice: probabilities: expected the sum 1, got 0.9", 2, { p = { 0.5, 0.4 } })
    method("choice", "rng:choice: probability 1: expected at least 0, got -0.5", 2, { p = { -0.5, 1.5 } })
    method("choice", "rng:choice: probability 2: expected at least 0, got", 2, { p = { 1, 0 / 0 } })
    method("choice", "rng:choice: cannot choose 2 without replacement: only 1 probabilities are above 0", 2,
      { size = 2, replace = false, p = { 1, 0 } })
    method("choice", "rng:choice: unknown option 'replaced'; did you mean 'replace'?", 3,
      { replaced = false })
    method("choice", "rng:choice: size: the result would have 5 dimensions, expected at most 4",
      mb.zeros(2, 1, 1, 1), { size = { 2, 2 } })
  end)

  it("refuses states", function()
    local expected = "rng:set_state: state: expected a string that rng:state() gave, got "
    local state = g:state()
    method("set_state", expected .. "'abc'", "abc")
    method("set_state", expected .. "'" .. state:sub(1, 40) .. "...'", state .. " ")
    method("set_state", expected, (state:gsub(".:(%d):", "0:%1:"))) -- an even increment
    method("set_state", expected .. "3", 3)
  end)

  it("refuses values that are not generators", function()
    for name in pairs(require("moonbow.core").rng_methods) do
      local message = "rng:%s: self: expected a generator, as mb.rng(seed) makes it, got tensor"
      refuses(message:format(name), g[name], x, name ~= "state" and name ~= "copy" and 1 or nil)
    end
  end)
end)
