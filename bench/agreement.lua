-- Whether all frameworks compute the same: trained weights are copied over, logits compared.
local mb = require "moonbow"
local networks = require "networks"
local peers = require "peers"

local LENGTH, CLASSES, BATCH = 450, 7, 3
local TOLERANCE = 1e-4 -- of the largest logit

local function write_tensors(tensors)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  for _, entry in ipairs(tensors) do file:write(entry.value:tobytes()) end
  file:close()
  return path
end

-- A few steps, so that biases and running statistics are not what they were made with.
local function train(model, x)
  local optimizer = mb.optim.Adam {}
  model:set_rng(mb.rng(3)):train()
  for _ = 1, 3 do
    model(x):cross_entropy { 1, 2, 3 }:backward()
    optimizer:step(model:parameters())
  end
  model:eval()
end

local function largest_difference(ours, theirs)
  local scale, difference = 0, 0
  for i, value in ipairs(ours) do
    scale, difference = math.max(scale, math.abs(value)), math.max(difference, math.abs(value - theirs[i]))
  end
  return difference / scale
end

local function compare(peer, job, ours, limit)
  local found, reason = peers.run(peer, job, { "outputs" }, limit)
  local outputs = found[2] and found[2].outputs
  if not outputs then return nil, reason or "no outputs" end
  return largest_difference(ours, outputs)
end

--- Prints the largest difference of logits, relative to the largest logit, of each network and framework; ends
-- the program with exit code 1 if one is too large.
return function(args, found)
  local is_bad = false
  for _, name in ipairs(args.networks) do
    local model = networks.make(name, { classes = CLASSES, units = { 30, 20 } })
    local x = mb.rand(mb.rng(2), BATCH, LENGTH, 1)
    model:build({ LENGTH, 1 }, mb.rng(1))
    train(model, x)
    local tensors = model:parameters()
    table.move(model:buffers(), 1, #model:buffers(), #tensors + 1, tensors)
    local job = { config = model:config(), length = LENGTH, classes = CLASSES, batch = BATCH, threads = args.threads,
      weights = write_tensors(tensors), inputs = write_tensors { { value = x } } }
    local ours = mb.no_grad(model, x):reshape(-1):totable()
    for _, peer in ipairs(found) do
      if peer.name ~= "moonbow" then
        local difference, reason = compare(peer, job, ours, args.limit)
        local is_good = difference and difference <= TOLERANCE
        is_bad = is_bad or not is_good
        print(("%-7s %-17s %s"):format(name, peer.name, not difference and "not run: " .. reason
          or ("off by %.1e%s"):format(difference, is_good and "" or ": too much")))
      end
    end
    os.remove(job.weights)
    os.remove(job.inputs)
  end
  if is_bad then os.exit(1, true) end
end
