-- The membership protocol in Wireshark and tshark, in the words that lossy has for it: who asks whom,
-- and what each says of others.
--
--   tshark -X lua_script:membership.lua -r group.pcap -Y 'membership.state == "dead"'
--
-- A message whose bytes say something else than the format is shown as far as it can be read.

local membership = Proto("membership", "Membership")

local KINDS = { [1] = "JOIN", [2] = "PING", [3] = "ASK", [4] = "ACK" }
local STATES = { [0] = "alive", [1] = "suspect", [2] = "dead" }

local field = {
  kind = ProtoField.string("membership.kind", "Kind"),
  number = ProtoField.uint32("membership.number", "Number"),
  incarnation = ProtoField.uint32("membership.incarnation", "Incarnation of the sender"),
  target = ProtoField.string("membership.target", "About"),
  member = ProtoField.string("membership.member", "Member"),
  state = ProtoField.string("membership.state", "State"),
  said_of = ProtoField.uint32("membership.member.incarnation", "Incarnation"),
}
membership.fields = {
  field.kind, field.number, field.incarnation, field.target, field.member, field.state, field.said_of,
}

local broken = ProtoExpert.new("membership.broken", "No message", expert.group.MALFORMED, expert.severity.WARN)
membership.experts = { broken }

membership.prefs.port = Pref.uint("UDP port", 7946, "Where the members are")

-- The text of the address at a place and where it ends, or nothing when there is none.
local function address_at(tvb, at)
  local family = at < tvb:len() and tvb(at, 1):uint()
  local size = family == 4 and 4 or family == 6 and 16
  if not size or at + 1 + size + 2 > tvb:len() then return nil end
  local octets, port = tvb(at + 1, size), tvb(at + 1 + size, 2):uint()
  local text = family == 4 and tostring(octets:ipv4()) or "[" .. tostring(octets:ipv6()) .. "]"
  return text .. ":" .. port, at + 1 + size + 2
end

-- Fills the tree in, and gives the line that says it all, or nothing when it is no message.
local function take_apart(tvb, shown)
  local size = tvb:len()
  if size < 10 then return nil end
  local kind = KINDS[tvb(0, 1):uint()]
  if not kind then return nil end
  shown:add(field.kind, tvb(0, 1), kind)
  shown:add(field.number, tvb(1, 4))
  shown:add(field.incarnation, tvb(5, 4))
  local line, at = kind .. " " .. tvb(1, 4):uint(), 9
  if kind == "ASK" then
    local target, behind = address_at(tvb, at)
    if not target then return nil end
    shown:add(field.target, tvb(at, behind - at), target)
    line, at = line .. " about " .. target, behind
  end
  if at >= size then return nil end
  local rumours = tvb(at, 1):uint()
  at = at + 1
  for _ = 1, rumours do
    local member, behind = address_at(tvb, at)
    if not member or behind + 5 > size then return nil end
    local state = STATES[tvb(behind, 1):uint()]
    if not state then return nil end
    shown:add(field.member, tvb(at, behind - at), member)
    shown:add(field.state, tvb(behind, 1), state)
    shown:add(field.said_of, tvb(behind + 1, 4))
    line = line .. ", " .. member .. " " .. state .. " " .. tvb(behind + 1, 4):uint()
    at = behind + 5
  end
  return at == size and line or nil
end

function membership.dissector(tvb, pinfo, tree)
  pinfo.cols.protocol = "MEMBERSHIP"
  local shown = tree:add(membership, tvb())
  local line = take_apart(tvb, shown)
  if not line then shown:add_proto_expert_info(broken) end
  pinfo.cols.info = line or "No message"
end

local ports = DissectorTable.get("udp.port")
local registered = nil

local function register()
  if registered then ports:remove(registered, membership) end
  registered = membership.prefs.port
  ports:add(registered, membership)
end

function membership.prefs_changed()
  if registered ~= membership.prefs.port then register() end
end

register()
