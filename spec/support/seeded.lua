-- Cases that each draw from a seed of their own, so that a new case does not change the numbers of later ones.
local seeded = {}

--- Returns the seed of a name: FNV-1a of its bytes.
function seeded.seed(name)
  local hash = 0x811c9dc5
  for i = 1, #name do hash = (hash ~ name:byte(i)) * 0x01000193 & 0xffffffff end
  return hash
end

--- busted's it, but start(seed) runs before each case, with the seed of its name.
function seeded.it(it, start)
  return function(name, case)
    return it(name, function() -- a tail call, so that busted names the line of the spec
      start(seeded.seed(name))
      case()
    end)
  end
end

return seeded
