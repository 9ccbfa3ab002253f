-- LSTM and GRU: directions, the states that they return, training, files. spec/gradients_spec.lua has the gradients.
local mb = require "moonbow"
local nn = mb.nn

local x = mb.rng(1):normal(0, 1, 3, 6, 2)

local function sigmoid(t) return t:sigmoid() end
local function tanh(t) return t:tanh() end

local function step_of_lstm(layer, xt, h, c, gate_of, activate)
  gate_of, activate = gate_of or sigmoid, activate or tanh
  local z = xt:matmul(layer.weight) + h:matmul(layer.recurrent_weight) + layer.bias
  local u = layer.options.units
  local function gate(i) return z:slice(2, (i - 1) * u + 1, u) end
  c = gate_of(gate(2)) * c + gate_of(gate(1)) * activate(gate(3))
  return gate_of(gate(4)) * activate(c), c
end

local function step_of_gru(layer, xt, h)
  local a, b = xt:matmul(layer.weight) + layer.bias, h:matmul(layer.recurrent_weight)
  local u = layer.options.units
  local function part(t, i) return t:slice(2, (i - 1) * u + 1, u) end
  local update, reset = (part(a, 1) + part(b, 1)):sigmoid(), (part(a, 2) + part(b, 2)):sigmoid()
  local candidate = (part(a, 3) + reset * (part(b, 3) + layer.recurrent_bias)):tanh()
  return update * h + (1 - update) * candidate
end

describe("a recurrent layer", function()
  for name, step in pairs { LSTM = step_of_lstm, GRU = step_of_gru } do
    it(name .. " takes the points in order", function()
      local layer = nn[name] { units = 4, return_sequences = true }
      layer:build({ 6, 2 }, mb.rng(2))
      mb.no_grad(function()
        for _, entry in ipairs(layer:parameters()) do
          entry.value:copy_from(mb.rng(#entry.name):normal(0, 0.5, entry.value:shape()))
        end
        local y, h, c = layer(x), mb.zeros(3, 4), mb.zeros(3, 4)
        for t = 1, 6 do
          h, c = step(layer, x:slice(2, t, 1):reshape(3, 2), h, c)
          assert.is_true(y:slice(2, t, 1):reshape(3, 4):allclose(h, { absolute = 1e-5 }))
        end
      end)
    end)
    it(name .. " returns the last state, or those of both ends", function()
      local layer = nn[name] { units = 4 }
      layer:build({ 6, 2 }, mb.rng(2))
      local all = nn[name] { units = 4, return_sequences = true }
      all:build { 6, 2 }
      all:load_state(layer:state())
      assert.equal(mb.no_grad(all, x)[{ {}, 6 }]:tobytes(), mb.no_grad(layer, x):tobytes())

      local both = nn[name] { units = 4, return_sequences = true, bidirectional = true }
      both:build { 6, 2 }
      local state = both:state()
      for key, value in pairs(layer:state()) do state[key], state["reverse_" .. key] = value, value end
      both:load_state(state)
      local y, from_end = mb.no_grad(both, x), mb.no_grad(all, x:flip(2)):flip(2)
      assert.equal(mb.no_grad(all, x):tobytes(), y:slice(3, 1, 4):tobytes())
      assert.equal(from_end:tobytes(), y:slice(3, 5, 4):tobytes())
      local ends = nn[name] { units = 4, bidirectional = true }
      ends:build { 6, 2 }
      ends:load_state(state)
      assert.equal(from_end[{ {}, 1 }]:tobytes(), mb.no_grad(ends, x):slice(2, 5, 4):tobytes())
    end)
    it(name .. " learns which of two pulses came first, and is saved", function()
      local rng, labels = mb.rng(3), {}
      local pulses = rng:normal(0, 0.05, 64, 12, 1)
      for i = 1, 64 do
        local first, second = i % 5 + 1, i % 7 + 6
        labels[i] = i % 2 + 1
        pulses:set(i, first, 1, i % 2 == 0 and 1 or -1)
        pulses:set(i, second, 1, i % 2 == 0 and -1 or 1)
      end
      local model = nn.Sequential { nn[name] { units = 8 }, nn.Dense { units = 2 } }
      mb.fit(model, { x = pulses, y = labels }, { epochs = 40, batch_size = 16, verbose = false, seed = 1,
        optimizer = mb.optim.Adam { lr = 0.02 } })
      assert.is_true(mb.evaluate(model, { x = pulses, y = labels }).accuracy > 0.95)
      local path = os.tmpname()
      finally(function() os.remove(path) end)
      assert(mb.save(model, path))
      assert.equal(mb.no_grad(model, pulses):tobytes(), mb.no_grad(assert(mb.load(path)), pulses):tobytes())
    end)
  end
  it("computes other activations step by step", function()
    local layer = nn.LSTM { units = 4, return_sequences = true, activation = "relu", gate_activation = "hard_sigmoid" }
    layer:build({ 6, 2 }, mb.rng(2))
    local y, h, c = mb.no_grad(layer, x), mb.zeros(3, 4), mb.zeros(3, 4)
    for t = 1, 6 do
      h, c = step_of_lstm(layer, x:slice(2, t, 1):reshape(3, 2), h, c,
        function(z) return (z * 0.2 + 0.5):clamp(0, 1) end, function(z) return z:relu() end)
      assert.is_true(y:slice(2, t, 1):reshape(3, 4):allclose(h, { absolute = 1e-6 }))
    end
    assert.error_matches(function() nn.LSTM { units = 2, gate_activation = "tanh" } end, "gate_activation", nil, true)
  end)
  it("is counted", function()
    local text = nn.Sequential { nn.LSTM { units = 5, bidirectional = true }, nn.Dense { units = 2 } }:summary { 7, 3 }
    assert.matches("1 +LSTM +10 +360 +2,240", text)
    text = nn.GRU { units = 5, return_sequences = true }:summary { 7, 3 }
    assert.matches("GRU +7 x 5 +140 +840", text)
  end)
  it("begins with the forget gate open", function()
    local layer = nn.LSTM { units = 2 }
    layer:build { 4, 1 }
    assert.same({ 0, 0, 1, 1, 0, 0, 0, 0 }, layer.bias:totable())
  end)
end)
