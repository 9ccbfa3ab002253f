-- The benchmark of Schuetzke, Szymanski and Reischl (npj Comput. Mater. 9:100, 2023): eight networks on 500
-- classes of synthetic spectra, by the published protocol. The script tests if the published numbers of misclassified
-- test spectra are reproduced.
--
--     lua experiments/universal_benchmark.lua --networks vgg,cnn2 --seeds 2
--     lua experiments/universal_benchmark.lua --networks cnn6 --estimate       how long would it take?
--     lua experiments/universal_benchmark.lua --status results/universal_benchmark
--
-- Runs take hours and can be killed at any time: the same command resumes them.
package.path = (arg[0]:match "^.*/" or "./") .. "?.lua;" .. package.path
local mb = require "moonbow"
local benchmark = require "lib.benchmark"

local args <close> = benchmark.arguments {
  name = "universal_benchmark",
  claim = "Networks misclassify as few of 4500 synthetic test spectra as published",
  networks = "cnn2,cnn3,cnn6,vgg,resnet,cnn_bn,inc3,inc6", quick_networks = "vgg,cnn2", heads = "published",
}

-- Misclassified of 4500, seeds 0 to 4.
local published = {
  cnn2 = { 34, 39, 31, 50, 36 }, cnn3 = { 34, 27, 31, 25, 25 }, cnn6 = { 6, 8, 9, 12, 7 },
  vgg = { 19, 31, 26, 16, 16 }, resnet = { 22, 20, 20, 22, 22 }, cnn_bn = { 45, 33, 44, 49, 50 },
  inc3 = { 12, 18, 20, 19, 17 }, inc6 = { 12, 10, 11, 11, 13 },
}
-- Their mean best epoch, plus the 25 epochs of patience.
local epochs = { cnn2 = 72, cnn3 = 74, cnn6 = 97, vgg = 109, resnet = 48, cnn_bn = 62, inc3 = 59, inc6 = 60 }

local quick = { normalize = true, classes = 20, train = 10, validation = 2 }
local set = mb.data.universal(args.quick and quick or { normalize = true })
if args.quick then published = {} end
benchmark.run(args, { set = set, published = published, unit = "wrong", epochs = epochs })
