--- Marks of spectra unlike the training spectra, by Hotelling's T2 and Q of principal components.
local core = require "moonbow.core"
local pca = require "moonbow.baselines.pca"

local unlike = {}

local MOST_COMPONENTS, LEAST_ROWS = 10, 8
local EXPLAINED = 0.95 -- of the variance: the components beyond are noise, which training spectra fit too well
local LEVEL = 0.99

--- Fits principal components to training spectra, as many as explain most of the variance; nil for too few spectra.
-- @param x prepared spectra
function unlike.fit(x)
  local n = core.size(x, 1)
  if n < LEAST_ROWS then return nil end
  local most = math.min(MOST_COMPONENTS, n // 4, core.size(x, 2) * core.size(x, 3))
  local shares = core.totable(pca.fit(x, { components = most }).explained)
  local count, sum = 0, 0
  repeat
    count = count + 1
    sum = sum + shares[count]
  until sum >= EXPLAINED or count == most
  return pca.fit(x, { components = count })
end

--- Returns a list of booleans: true for spectra beyond the limits that 99 % of spectra like the training ones keep.
function unlike.marks(model, x) return model:outliers(x, { level = LEVEL }).is_outlier end

return unlike
