/**
 * What all scripts share. KEYS[1] is the base of one destination's keys, `prefix:{destination}`; all others are made of it and so lie in the
 * same slot of a cluster. A member is `id owner`.
 *
 *     base:entries                hash    member -> record (JSON, see record.ts)
 *     base:due:OWNER              zset    id, score: when due            (waiting ones)
 *     base:state:STATE:OWNER      zset    id, score 0: in order of arrival
 *     base:study:STUDY            zset    member, score 0                (all states)
 *     base:leases                 zset    member, score: when it expires, by the server's clock
 *     base:tally                  hash    n:STATE:OWNER, b:STATE:OWNER -> entries, bytes
 *     base:owners                 set     owners that ever had an entry here
 *     base:meta                   hash    mark, forgotten (until all proxies are told to rebuild)
 *     prefix:destinations         set     destination ids
 *     prefix:generation           string  another one after the server was emptied
 *     prefix:present:OWNER        string  which process is there under this id; goes by itself
 *
 * A script that changes something writes a record first, if it writes one, and before the first write nothing has been changed: what a replica
 * (READONLY) or a full server (OOM) refuses was not half done. A full one refuses what is new, and nothing else: what it has must be sent and
 * removed to make room. It judges what may take memory, as HSET, until the first write of a script, of whatever kind that is; so what changes a
 * known entry first deletes what is not there. (Redis 7 could be told by a flag of the script, versions before it not.)
 *
 * Whoever holds a lease and whoever takes it back may have clocks that differ: when one expires is the server's to say, and what its record
 * holds of it is the holder's, to be shown.
 *
 * Lua compares strings by the server's locale, so order is taken from sorted sets, and from `less` where two must be compared.
 */
export const LUA_LIBRARY = `
local base = KEYS[1]
local ENTRIES, LEASES, META = base .. ':entries', base .. ':leases', base .. ':meta'
local TALLY, OWNERS = base .. ':tally', base .. ':owners'
local MAX_HISTORY = 20

local function idOf(m) return string.match(m, '^[^ ]+') end
local function ownerOf(m) return string.match(m, '^[^ ]+ (.*)$') end
local function dueKey(owner) return base .. ':due:' .. owner end
local function stateKey(state, owner) return base .. ':state:' .. state .. ':' .. owner end
local function studyKey(study) return base .. ':study:' .. study end

-- given: JSON, or empty for all.
local function ownersOf(given)
  if given == '' then return redis.call('SMEMBERS', OWNERS) end
  return cjson.decode(given)
end

local function load(m)
  local raw = redis.call('HGET', ENTRIES, m)
  if raw then return cjson.decode(raw) end
  return nil
end

-- One entry more (1) or fewer (-1). Adding 0 makes 0 of Lua's -0, which is no integer to Redis.
local function tally(state, owner, entries, bytes)
  redis.call('HINCRBY', TALLY, 'n:' .. state .. ':' .. owner, entries)
  redis.call('HINCRBY', TALLY, 'b:' .. state .. ':' .. owner, string.format('%.0f', entries * bytes + 0))
end

local function mark() return tonumber(redis.call('HGET', META, 'mark')) or 0 end

-- In milliseconds since 1970. given: empty, but for tests with a clock of their own.
local function serverTime(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The record comes first, see above.
local function lease(m, expiresAt) redis.call('ZADD', LEASES, string.format('%.0f', expiresAt), m) end

local evenIfFull = false

-- Writes the record, then whatever follows from it. was: the state before, nil for a new one.
local function put(m, e, was)
  local id, owner = idOf(m), ownerOf(m)
  e.mk = mark()
  local raw = cjson.encode(e)
  if was and not evenIfFull then
    redis.call('HDEL', META, '')
    evenIfFull = true
  end
  redis.call('HSET', ENTRIES, m, raw)
  if was ~= e.st then
    if was then
      redis.call('ZREM', stateKey(was, owner), id)
      tally(was, owner, -1, e.b)
      if was == 'waiting' then redis.call('ZREM', dueKey(owner), id) end
      if was == 'leased' then redis.call('ZREM', LEASES, m) end
    else
      redis.call('SADD', OWNERS, owner)
      if e.k ~= '' then redis.call('ZADD', studyKey(e.k), 0, m) end
    end
    redis.call('ZADD', stateKey(e.st, owner), 0, id)
    tally(e.st, owner, 1, e.b)
  end
  if e.st == 'waiting' then redis.call('ZADD', dueKey(owner), e.du, id) end
  return raw
end

local function erase(m, e)
  local id, owner = idOf(m), ownerOf(m)
  redis.call('HDEL', ENTRIES, m)
  redis.call('ZREM', stateKey(e.st, owner), id)
  redis.call('ZREM', dueKey(owner), id)
  redis.call('ZREM', LEASES, m)
  if e.k ~= '' then redis.call('ZREM', studyKey(e.k), m) end
  tally(e.st, owner, -1, e.b)
end

local function note(e, at, what, why)
  local h = e.h or {}
  h[#h + 1] = { at = at, what = what, why = why }
  while #h > MAX_HISTORY do table.remove(h, 1) end
  e.h = h
end

-- transitions.ts, settled(): s has to, dueAt, error, possibleDuplicate, what, why, holdWhy.
local function settle(m, e, s, now)
  if s.to == 'gone' then return erase(m, e) end
  if s.error then
    e.n = e.n + 1
    e.fa = e.fa or e.lc
    e.le = { at = now, errorType = s.error.errorType, status = s.error.status }
  end
  local held = s.to == 'waiting' and e.hr
  note(e, now, s.what, s.why)
  if held then note(e, now, 'held', s.holdWhy) end
  e.st = held and 'held' or s.to
  if s.dueAt then e.du = s.dueAt end
  if s.possibleDuplicate then e.pd = e.pd + 1 end
  e.hr, e.lt, e.lh, e.lc, e.lx = nil, nil, nil, nil, nil
  put(m, e, 'leased')
end

-- Each line of the tally: state, owner, entries.
local function tallied()
  local all, lines = redis.call('HGETALL', TALLY), {}
  for i = 1, #all, 2 do
    local kind, state, owner = string.match(all[i], '^(.):(%a+):(.*)$')
    if kind == 'n' then lines[#lines + 1] = { state, owner, tonumber(all[i + 1]) } end
  end
  return lines
end

-- Whether all keys say the same. They do, unless the server has evicted one, or somebody has deleted it.
local function isWhole()
  local entries, leased = 0, 0
  for _, line in ipairs(tallied()) do
    local state, owner, n = line[1], line[2], line[3]
    entries = entries + n
    if state == 'leased' then leased = leased + n end
    if redis.call('ZCARD', stateKey(state, owner)) ~= n then return false end
    if state == 'waiting' and redis.call('ZCARD', dueKey(owner)) ~= n then return false end
    if redis.call('SISMEMBER', OWNERS, owner) == 0 then return false end
  end
  return redis.call('HLEN', ENTRIES) == entries and redis.call('ZCARD', LEASES) == leased
end

-- All entries: the spools have them. What stays of the index by study points at nothing, and is passed over.
local function forget()
  local owners = redis.call('SMEMBERS', OWNERS)
  for _, line in ipairs(tallied()) do owners[#owners + 1] = line[2] end
  for _, owner in ipairs(owners) do
    redis.call('UNLINK', dueKey(owner))
    for _, state in ipairs({ 'waiting', 'leased', 'held', 'dead' }) do redis.call('UNLINK', stateKey(state, owner)) end
  end
  redis.call('UNLINK', ENTRIES, LEASES, TALLY)
end

local function less(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end
`;
