--- Corrections of scatter: spectra less offset, slope and polynomial against a reference.
local core = require "moonbow.core"
local check = require "moonbow.check"

local scatter = {}

--- Learns the mean of the training spectra. Returns { reference = list of L C numbers }.
function scatter.reference(x) return { reference = (core.column_statistics(x)) } end

local function dot(a, b)
  local sum = 0
  for i, value in ipairs(a) do sum = sum + value * b[i] end
  return sum
end

-- Makes the vectors orthonormal, in order (modified Gram-Schmidt, twice for the rounding). Returns q, and r as r[j][i]:
-- vector j is the sum of r[j][i] q[i].
local function orthonormal(operation, vectors)
  local q, r = {}, {}
  for j, vector in ipairs(vectors) do
    local v, size = table.move(vector, 1, #vector, 1, {}), math.sqrt(dot(vector, vector))
    r[j] = {}
    for _ = 1, 2 do
      for i = 1, j - 1 do
        local part = dot(q[i], v)
        r[j][i] = (r[j][i] or 0) + part
        for t, value in ipairs(q[i]) do v[t] = v[t] - part * value end
      end
    end
    r[j][j] = math.sqrt(dot(v, v))
    if r[j][j] <= 1e-9 * size then
      check.fail(operation, "the mean of the training spectra is a polynomial: nothing tells its slope")
    end
    for t, value in ipairs(v) do v[t] = value / r[j][j] end
    q[j] = v
  end
  return q, r
end

-- Powers 0..degree of the place of each of M points, from -1 to 1.
local function powers(M, degree)
  local vectors = {}
  for d = 0, degree do
    vectors[d + 1] = {}
    for t = 1, M do vectors[d + 1][t] = M > 1 and ((2 * t - M - 1) / (M - 1)) ^ d or 1 end
  end
  return vectors
end

local function columns(vectors)
  return core.transpose(core.tensor(vectors), 1, 2)
end

--- What corrects rows (N, M) by least squares against 1, ..., t^degree and the reference: the slopes of rows less their
-- mean, which the caller subtracts (float32 has few digits left beside a large one), are rows slope; what is removed is
-- (rows shares) vectors. Corrected rows get the offset of the reference.
-- @return tensors slope (M, 1), shares (M, degree + 1), vectors (degree + 1, M), and the offset
function scatter.projections(operation, reference, degree)
  local vectors = powers(#reference, degree)
  vectors[#vectors + 1] = reference
  local q, r = orthonormal(operation, vectors)
  local last, shares = #q, {}
  local slope = core.mul(columns { q[last] }, 1 / r[last][last])
  -- In terms of q, the reference is r[last][i] q[i], and r[last][1] q[1] is its offset; what a row has of q[i] besides
  -- its slope's share is removed.
  for i = 1, last - 1 do shares[i] = core.sub(columns { q[i] }, core.mul(slope, i > 1 and r[last][i] or 0)) end
  return slope, core.concat(shares, 2), core.tensor(table.move(q, 1, last - 1, 1, {})), r[last][1] * q[1][1]
end

--- Returns spectra (N, L, C) less a polynomial of the degree and divided by their slope, as fitted to 1, ..., t^degree
-- and the reference by least squares.
function scatter.correct(operation, x, reference, degree)
  local N, M = core.size(x, 1), core.size(x, 2) * core.size(x, 3)
  if #reference ~= M then
    check.fail(operation, "it was fitted on %d points, the spectra have %d", #reference, M)
  end
  local slope_of, shares, vectors, offset = scatter.projections(operation, reference, degree)
  local rows = core.reshape(x, N, M)
  rows = core.sub(rows, core.reshape(core.mean(rows, 2), N, 1))
  local slope = core.affine(rows, nil, slope_of)
  if core.describe(slope).min <= 0 then
    check.fail(operation, "a spectrum does not rise where the mean of the training spectra rises")
  end
  local removed = core.matmul(core.affine(rows, nil, shares), vectors)
  local corrected = core.add(core.div(core.sub(rows, removed), slope), offset)
  return core.reshape(corrected, N, core.size(x, 2), core.size(x, 3))
end

return scatter
