-- mb.audit finds on the published networks what is known of them, and nothing else.
local mb = require "moonbow"
local audited = require "support.audited"
local networks = require "lib.benchmark.networks"
local rules = require "moonbow.audit.rules"
local lists = audited.lists

describe("an audit of the published networks", function()
  local known = {
    cnn2 = "linear_hidden pool_gaps head_share", cnn3 = "linear_hidden pool_gaps head_share",
    cnn6 = "pool_gaps head_share", vgg = "linear_hidden head_share", resnet = "norm_memory linear_convolution",
    cnn_bn = "linear_hidden norm_memory head_share", inc3 = "linear_hidden pool_gaps head_share",
    inc6 = "linear_hidden pool_gaps head_share",
  }
  it("finds linear heads, the momentum and pooling that leaves points out, and nothing else", function()
    local static = { "norm_memory" }
    for _, rule in ipairs(rules) do
      if rule.needs == "network" then static[#static + 1] = rule.name end
    end
    local set = { x = mb.zeros(1350, 5000, 1), y = lists(1350, function(i) return i % 27 + 1 end) } -- as published
    for i = 1, 8 do
      local name = networks.names[i]
      local found, names = mb.audit(networks.make(name, 27, "published"), set, { batch_size = 128, patience = 25,
        rules = static }), {}
      for k, finding in ipairs(found.findings) do names[k] = finding.name end
      assert.equal(known[name], table.concat(names, " "), name)
      mb.release_memory()
    end
    local memory = mb.audit(networks.make("cnn_bn", 27, "published"), set, { batch_size = 128, patience = 25,
      rules = static }):has "norm_memory"
    assert.matches("11 steps", memory.text)
    assert.near(0.99 ^ 275, memory.value, 1e-12)
  end)
end)
