import { LUA_LIBRARY } from './lua-library.ts';

/** ARGV: now (empty: plain add), mark (empty: known ones stay), then member, record, … Returns 1 if nothing was here, then a word per entry. */
const ADD = `
local now, since = tonumber(ARGV[1]), tonumber(ARGV[2])
local out = { redis.call('EXISTS', OWNERS) == 0 and 1 or 0 }
for i = 3, #ARGV, 2 do
  local m, raw = ARGV[i], ARGV[i + 1]
  local known = load(m)
  local result = 'known'
  if not known then
    put(m, cjson.decode(raw), nil)
    result = 'added'
  elseif since and known.st ~= 'leased' and (known.mk or 0) < since then
    local to, was = cjson.decode(raw).st, known.st
    local meant = known.n > 0 and not (known.le and known.le.at > now)
    local early = to == 'waiting' and not meant and known.du > now
    if early then known.du = now end
    if to ~= was then
      known.st = to
      note(known, now, 'rebuilt')
      result = 'moved'
    end
    if early or to ~= was then put(m, known, was) end
  end
  out[#out + 1] = result
end
return out
`;

/** ARGV: now, leaseMs, limit, holder, nonce, owners (JSON array; empty: any), server's time (see serverTime). Returns member, record, member, record, … */
const CLAIM = `
local now, expires, limit = tonumber(ARGV[1]), ARGV[1] + ARGV[2], tonumber(ARGV[3])
local leasedUntil = serverTime(ARGV[7]) + ARGV[2]
local owners, isTheirs = ownersOf(ARGV[6]), {}
for _, owner in ipairs(owners) do isTheirs[owner] = true end
local out = {}

local function take(m, e)
  e.st, e.lt, e.lh, e.lc, e.lx = 'leased', #out / 2 .. '.' .. ARGV[5], ARGV[4], now, expires
  local raw = put(m, e, 'waiting')
  lease(m, leasedUntil)
  out[#out + 1] = m
  out[#out + 1] = raw
end

local function head()
  local best, bestId, bestOwner
  for _, owner in ipairs(owners) do
    local first = redis.call('ZRANGE', dueKey(owner), 0, 0, 'WITHSCORES')
    local id, due = first[1], tonumber(first[2])
    if id and due <= now then
      local sooner = not best or due < best
      if best == due then sooner = id == bestId and less(owner, bestOwner) or id ~= bestId and less(id, bestId) end
      if sooner then best, bestId, bestOwner = due, id, owner end
    end
  end
  return bestId and bestId .. ' ' .. bestOwner
end

while #out < 2 * limit do
  local first = head()
  if not first then break end
  local e = load(first)
  if not e then
    -- Records were evicted (maxmemory-policy should be noeviction), maybe a million: the next look for expired leases finds it.
    break
  elseif e.k == '' then
    take(first, e)
  else
    -- All of the study, in order of arrival; those that do not wait, or not until now, are passed over.
    local study, at, step, before = studyKey(e.k), 0, 256, #out
    while #out < 2 * limit do
      local members = redis.call('ZRANGE', study, at, at + step - 1)
      for _, m in ipairs(members) do
        if #out >= 2 * limit then break end
        local owner = ownerOf(m)
        if ARGV[6] == '' or isTheirs[owner] then
          local due = redis.call('ZSCORE', dueKey(owner), idOf(m))
          local waiting = due and tonumber(due) <= now and load(m)
          if waiting then take(m, waiting) end
        end
      end
      if #members < step then break end
      at = at + step
    end
    -- The study's index was evicted.
    if #out == before then take(first, e) end
  end
end
return out
`;

/** ARGV: member, token, now, leaseMs, server's time. Returns gone, stale or ok. */
const EXTEND = `
local e = load(ARGV[1])
if not e then return 'gone' end
if e.lt ~= ARGV[2] then return 'stale' end
e.lx = ARGV[3] + ARGV[4]
put(ARGV[1], e, 'leased')
lease(ARGV[1], serverTime(ARGV[5]) + ARGV[4])
return 'ok'
`;

/**
 * ARGV: now, then member, token, settlement (JSON), … Returns a word for each: gone, stale, ok, or what the server says. Each for itself; where
 * it takes none it is the server's error, by which clients know a replica.
 */
const SETTLE = `
local now, out, done, failed = tonumber(ARGV[1]), {}, false, nil
local function one(m, token, s)
  local e = load(m)
  if not e then return 'gone' end
  if e.lt ~= token then return 'stale' end
  settle(m, e, cjson.decode(s), now)
  return 'ok'
end
for i = 2, #ARGV, 3 do
  local well, answer = pcall(one, ARGV[i], ARGV[i + 1], ARGV[i + 2])
  if not well then
    if type(answer) == 'table' then answer = answer.err end
    failed = failed or answer
  end
  done = done or answer == 'ok'
  out[#out + 1] = answer
end
if failed and not done then return redis.error_reply(failed) end
return out
`;

/**
 * ARGV: now, maxLeaseMs, maxDelayMs, limit, settlement of an expired lease (JSON, but for due time and holder), server's time. Returns how
 * many; or -1: some of the keys were lost and the rest is of no use, and now there is none. What was left would be counted, and shown, and
 * never sent. It is -1 until all have been told (TOLD): whoever was to tell them may be gone.
 */
const RECLAIM = `
local now, limit = tonumber(ARGV[1]), ARGV[4]
local function lost()
  forget()
  redis.call('HSET', META, 'forgotten', 1)
  return -1
end
if not isWhole() then return lost() end
if redis.call('HEXISTS', META, 'forgotten') == 1 then return -1 end
local time, latest = serverTime(ARGV[6]), now + ARGV[3]
local cut = time + ARGV[2]
local changed = 0
for _, m in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', string.format('%.0f', time), 'LIMIT', 0, limit)) do
  local e, s = load(m), cjson.decode(ARGV[5])
  if not e then return lost() end
  s.why, s.dueAt = e.lh, math.min(e.du, now)
  settle(m, e, s, now)
  changed = changed + 1
end
for _, m in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '(' .. string.format('%.0f', cut), '+inf', 'LIMIT', 0, limit)) do
  local e = load(m)
  if not e then return lost() end
  e.lx = now + ARGV[2]
  put(m, e, 'leased')
  lease(m, cut)
  changed = changed + 1
end
for _, owner in ipairs(redis.call('SMEMBERS', OWNERS)) do
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', dueKey(owner), '(' .. string.format('%.0f', latest), '+inf', 'LIMIT', 0, limit)) do
    local m = id .. ' ' .. owner
    local e = load(m)
    if not e then return lost() end
    e.du = now
    put(m, e, 'waiting')
    changed = changed + 1
  end
end
return changed
`;

/** All proxies have been told that this destination's entries were forgotten: the generation is another. */
const TOLD = `return redis.call('HDEL', META, 'forgotten')`;

/** ARGV: verb, now, states (JSON object of state -> true), members. Returns leased, then member, record, member, record, … */
const CHANGE = `
local verb, now, states = ARGV[1], tonumber(ARGV[2]), cjson.decode(ARGV[3])
local leased, out = 0, { 0 }
local function changed(m, raw)
  out[#out + 1] = m
  out[#out + 1] = raw
end
for i = 4, #ARGV do
  local m = ARGV[i]
  local e = load(m)
  if e and states[e.st] then
    local was = e.st
    if was == 'leased' and (verb == 'retry' or verb == 'remove') then
      leased = leased + 1
    elseif verb == 'retry' and (was == 'waiting' or was == 'dead') then
      if was == 'dead' then
        e.st, e.du, e.n, e.fa = 'waiting', now, 0, nil
      else
        e.du = math.min(e.du, now)
      end
      note(e, now, 'retry-now')
      changed(m, put(m, e, was))
    elseif verb == 'hold' and was == 'waiting' then
      e.st = 'held'
      note(e, now, 'held')
      changed(m, put(m, e, was))
    elseif verb == 'hold' and was == 'leased' and not e.hr then
      e.hr = true
      changed(m, put(m, e, was))
    elseif verb == 'release' and was == 'held' then
      e.st = 'waiting'
      note(e, now, 'released')
      changed(m, put(m, e, was))
    elseif verb == 'release' and was == 'leased' and e.hr then
      e.hr = nil
      changed(m, put(m, e, was))
    elseif verb == 'remove' then
      local raw = redis.call('HGET', ENTRIES, m)
      erase(m, e)
      changed(m, raw)
    end
  end
end
out[1] = leased
return out
`;

/** ARGV: mark, members. Returns how many went. */
const DROP = `
local since, dropped = tonumber(ARGV[1]), 0
for i = 2, #ARGV do
  local e = load(ARGV[i])
  if e and e.st ~= 'leased' and (e.mk or 0) < since then
    erase(ARGV[i], e)
    dropped = dropped + 1
  end
end
return dropped
`;

/**
 * ARGV: limit, study (empty: all), states (JSON array), owner (empty: any), then owner, minimum, owner, minimum, … as ZRANGEBYLEX takes
 * them. Returns members, in order within each owner and state.
 */
const MEMBERS = `
local limit, states, out = ARGV[1], cjson.decode(ARGV[2]), {}
for i = 3, #ARGV, 2 do
  local owner, from = ARGV[i], ARGV[i + 1]
  for _, state in ipairs(states) do
    for _, id in ipairs(redis.call('ZRANGEBYLEX', stateKey(state, owner), from, '+', 'LIMIT', 0, limit)) do
      out[#out + 1] = id .. ' ' .. owner
    end
  end
end
return out
`;

/** ARGV: study, minimum, limit. Returns member, record, … in order; what has no record any more (see forget) is passed over, and hides nothing. */
const STUDY = `
local from, limit, out = ARGV[2], tonumber(ARGV[3]), {}
while #out < 2 * limit do
  local members = redis.call('ZRANGEBYLEX', studyKey(ARGV[1]), from, '+', 'LIMIT', 0, limit - #out / 2)
  for _, m in ipairs(members) do
    local raw = redis.call('HGET', ENTRIES, m)
    if raw then
      out[#out + 1] = m
      out[#out + 1] = raw
    end
    from = '(' .. m
  end
  if #members == 0 then break end
end
return out
`;

/** Returns owner, state, entries, bytes, first id, its receivedAt; for each that is not empty. */
const COUNTS = `
local out = {}
local all = redis.call('HGETALL', TALLY)
for i = 1, #all, 2 do
  local kind, state, owner = string.match(all[i], '^(.):(%a+):(.*)$')
  if kind == 'n' and tonumber(all[i + 1]) > 0 then
    local id = redis.call('ZRANGE', stateKey(state, owner), 0, 0)[1]
    local bytes = redis.call('HGET', TALLY, 'b:' .. state .. ':' .. owner)
    local first = id and load(id .. ' ' .. owner)
    for _, value in ipairs({ owner, state, all[i + 1], bytes or '0', id or '', first and string.format('%.0f', first.r) or '0' }) do
      out[#out + 1] = value
    end
  end
end
return out
`;

/** ARGV: owners (JSON array; empty: any). Returns a time, or nothing. */
const NEXT_DUE = `
local best
for _, owner in ipairs(ownersOf(ARGV[1])) do
  local due = tonumber(redis.call('ZRANGE', dueKey(owner), 0, 0, 'WITHSCORES')[2])
  if due and (not best or due < best) then best = due end
end
return best and string.format('%.0f', best)
`;

/**
 * KEYS: the generation's. ARGV: another, should there be none. Returns the generation, and what the server says if it refuses what is new. Caught here:
 * of a replica's error reply the client would leave the connection, under those who want to read.
 */
const HEALTH = `
local took = redis.pcall('SETNX', KEYS[1], ARGV[1])
return { redis.call('GET', KEYS[1]) or '', type(took) == 'table' and took.err or '' }
`;

/**
 * KEYS: the generation's. Returns what the server says if it refuses what is new, and its words on memory if it tells them. Nothing is written: SETRANGE
 * of no bytes changes nothing, and is refused where a write is. Within a script, as all that we write: whoever may not run one is told so, too.
 */
const TRIAL = `
local took, memory = redis.pcall('SETRANGE', KEYS[1], 0, ''), redis.pcall('INFO', 'memory')
return { type(took) == 'table' and took.err or '', type(memory) == 'string' and memory or '' }
`;

/** KEYS: an owner's. ARGV: who is there, and for how long (ms). Returns who else is. Where it is not taken (a replica) nobody is told: see HEALTH. */
const PRESENT = `
local was = redis.call('GET', KEYS[1])
if was and was ~= ARGV[1] then return was end
redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ''
`;

/** Where none is, it may have been evicted: it starts with the time, above all that there ever was. */
const MARK = `
if redis.call('HEXISTS', META, 'mark') == 0 then redis.call('HSET', META, 'mark', string.format('%.0f', serverTime(''))) end
return redis.call('HINCRBY', META, 'mark', 1)
`;

const bodies = {
  queueAdd: ADD,
  queueClaim: CLAIM,
  queueExtend: EXTEND,
  queueSettle: SETTLE,
  queueReclaim: RECLAIM,
  queueTold: TOLD,
  queueChange: CHANGE,
  queueDrop: DROP,
  queueMembers: MEMBERS,
  queueStudy: STUDY,
  queueCounts: COUNTS,
  queueNextDue: NEXT_DUE,
  queueMark: MARK,
  queueHealth: HEALTH,
  queueTrial: TRIAL,
  queuePresent: PRESENT,
} as const;

export type ScriptName = keyof typeof bodies;

export const SCRIPTS: Readonly<Record<ScriptName, string>> = Object.fromEntries(
  Object.entries(bodies).map(([name, body]) => [name, LUA_LIBRARY + body]),
) as Record<ScriptName, string>;
