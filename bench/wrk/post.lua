-- Posts the bodies of the file WRK_BODIES, one a line, each thread from a place of its own, and
-- prints one JSON object at the end.

local bodies = {}
for line in io.lines(os.getenv("WRK_BODIES")) do
  bodies[#bodies + 1] = line
end

local n_threads = 0
function setup(thread)
  thread:set("offset", n_threads * 4999)
  n_threads = n_threads + 1
end

local at = 0
function init(args)
  at = offset or 0
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  at = at % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[at])
end

function done(summary, latency, requests)
  local errors = summary.errors
  local n_errors = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '{"requests_per_s": %.1f, "p50_ms": %.3f, "p99_ms": %.3f, "p999_ms": %.3f, "n_errors": %d}\n',
    summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3,
    n_errors))
end
