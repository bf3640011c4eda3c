-- wrk's requests for a chat: each says something else, for a gateway stops callers that repeat themselves. What varies is
-- the order's number; the rest is a question as people ask them, with personal data to find.
-- Environment: WRK_TOKEN, WRK_MODEL, WRK_STREAM (true or false), WRK_RUN (different for each run).
local run, count = os.getenv("WRK_RUN"), 0
local body = '{"model":"' .. os.getenv("WRK_MODEL") .. '","stream":' .. os.getenv("WRK_STREAM") ..
  ',"messages":[{"role":"system","content":"You answer questions about orders and machines, in one sentence."},' ..
  '{"role":"user","content":"Is purchase order %s-%d for the seals of pump P-101 released, and how many items are still open? ' ..
  'Please answer to anna.schmidt@example.com before the shift ends."}]}'

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("WRK_TOKEN")

function request()
  count = count + 1
  return wrk.format(nil, nil, nil, string.format(body, run, count))
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('RESULT {"requests":%d,"seconds":%.3f,"p50":%.3f,"p95":%.3f,"p99":%.3f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(95) / 1000,
    latency:percentile(99) / 1000, errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
