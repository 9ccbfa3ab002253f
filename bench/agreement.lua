-- Checks that all frameworks compute the same: trained weights are copied to each; logits, and losses while training
-- continues (without dropout), are compared.
local mb = require "moonbow"
local files = require "moonbow.io.files"
local networks = require "networks"
local peers = require "peers"

local LENGTH, CLASSES, BATCH, STEPS = 450, 7, 3, 4
local TOLERANCE = { outputs = 1e-4, losses = 1e-3 } -- outputs: relative to the largest logit; losses: in nats

local function write_tensors(tensors)
  local path = os.tmpname()
  assert(files.write(path, function(put)
    for _, entry in ipairs(tensors) do put(entry.value:tobytes()) end
  end))
  return path
end

-- Makes steps; returns the loss before each.
local function train(model, x, steps)
  local optimizer, losses = mb.optim.Adam { lr = 3e-4 }, {}
  model:train()
  for i = 1, steps do
    local loss = model(x):cross_entropy { 1, 2, 3 }
    losses[i] = loss:item()
    loss:backward()
    optimizer:step(model:parameters())
  end
  model:eval()
  return losses
end

local function largest(values)
  local found = 0
  for _, value in ipairs(values) do found = math.max(found, math.abs(value)) end
  return found
end

local function difference(what, ours, theirs)
  local differences = {}
  for i, value in ipairs(ours) do differences[i] = value - theirs[i] end
  return largest(differences) / (what == "outputs" and largest(ours) or 1)
end

-- Marks a network with too large differences or a failed run; returns the line, and true if all is well.
local function compare(peer, job, own, limit)
  local found, reason = peers.run(peer, job, { "agreement" }, limit)
  local theirs = found[2]
  if not theirs then return "not run: " .. (reason or "no outputs"), false end
  local parts, is_good = {}, true
  for _, what in ipairs { "outputs", "losses" } do
    if theirs[what] then
      local off = difference(what, own[what], theirs[what])
      local is_near = off <= TOLERANCE[what]
      is_good = is_good and is_near
      parts[#parts + 1] = ("%s off by %.1e%s"):format(what, off, is_near and "" or " (too much)")
    end
  end
  return table.concat(parts, ", "), is_good
end

local function make(name)
  local options = { classes = CLASSES, units = { 30, 20 }, dropout = 0 }
  if name ~= "resnet" then options.conv_dropout = 0 end
  local model = networks.make(name, options)
  model:build({ LENGTH, 1 }, mb.rng(1))
  return model
end

--- Prints the largest differences of logits and of losses for each network and framework; ends the program
-- with exit code 1 if one is too large.
return function(args, found)
  local all_good = true
  for _, name in ipairs(args.networks) do
    local model, x = make(name), mb.rand(mb.rng(2), BATCH, LENGTH, 1)
    train(model, x, 3) -- so that biases and running statistics differ from their initial values
    local tensors = model:parameters()
    table.move(model:buffers(), 1, #model:buffers(), #tensors + 1, tensors)
    local job = { config = model:config(), length = LENGTH, classes = CLASSES, batch = BATCH, steps = STEPS,
      threads = args.threads, weights = write_tensors(tensors), inputs = write_tensors { { value = x } } }
    local own = { outputs = mb.no_grad(model, x):reshape(-1):totable(), losses = train(model, x, STEPS) }
    for _, peer in ipairs(found) do
      if peer.name ~= "moonbow" then
        local line, is_good = compare(peer, job, own, args.limit)
        print(("%-7s %-17s %s"):format(name, peer.name, line))
        all_good = all_good and is_good
      end
    end
    os.remove(job.weights)
    os.remove(job.inputs)
  end
  if not all_good then os.exit(1, true) end
end
