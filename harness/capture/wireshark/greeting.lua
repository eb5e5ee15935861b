-- Greetings in Wireshark and tshark: names, what a message is instead of one, and which answer
-- belongs to which request.
--
--   tshark -X lua_script:greeting.lua -r run.pcap -Y 'greeting.name == "Michael"'
--
-- Or lay it into the folder of personal Lua plugins that Help > About Wireshark > Folders names.

local greeting = Proto("greeting", "Greeting")

local NAME_BYTES_MAX = 1016
local PREFIX, SUFFIX = "Hello, ", "!"

local field = {
  name = ProtoField.string("greeting.name", "Name", base.UNICODE),
  is_answer = ProtoField.bool("greeting.answer", "Answer"),
  again = ProtoField.bool("greeting.retransmission", "Sent again"),
  answered_in = ProtoField.framenum("greeting.answered_in", "Answered in", base.NONE, frametype.RESPONSE),
  answer_to = ProtoField.framenum("greeting.answer_to", "Answer to", base.NONE, frametype.REQUEST),
  time = ProtoField.relative_time("greeting.time", "Time since the request"),
}
greeting.fields = { field.name, field.is_answer, field.again, field.answered_in, field.answer_to, field.time }

local malformed = {}
for reason, text in pairs({
  empty = "No name",
  too_long = "A name of more than " .. NAME_BYTES_MAX .. " bytes",
  not_utf8 = "A name that is no UTF-8",
  not_a_greeting = 'No "Hello, NAME!"',
}) do
  malformed[reason] = ProtoExpert.new("greeting." .. reason, text, expert.group.MALFORMED, expert.severity.WARN)
end
greeting.experts = { malformed.empty, malformed.too_long, malformed.not_utf8, malformed.not_a_greeting }

greeting.prefs.port = Pref.uint("UDP port", 9999, "Where the server listens")

local sll_interface, sll_kind = Field.new("sll.ifindex"), Field.new("sll.pkttype")
local OUTGOING = 4

-- By who asked whom what, and who saw it: the frame and the time of a request that waits.
local waiting = {}
-- By the number of a frame: what was found out when all frames were read in their order.
local found = {}

function greeting.init()
  waiting, found = {}, {}
end

-- The part of a message that is its name, or the reason why there is none.
local function take_apart(tvb, is_answer)
  local first, size = 0, tvb:len()
  if is_answer then
    local text = tvb:raw()
    if text:sub(1, #PREFIX) ~= PREFIX or text:sub(-#SUFFIX) ~= SUFFIX then return nil, "not_a_greeting" end
    first, size = #PREFIX, size - #PREFIX - #SUFFIX
  end
  if size <= 0 then return nil, "empty" end
  if size > NAME_BYTES_MAX then return nil, "too_long" end
  local name = tvb(first, size)
  -- What is no UTF-8 is shown with other characters in its place.
  if not name:raw():find("\0", 1, true) and name:string(ENC_UTF_8) ~= name:raw() then return nil, "not_utf8" end
  return name
end

local function relate(pinfo, is_answer, name)
  local client, server = tostring(pinfo.src) .. ":" .. pinfo.src_port, tostring(pinfo.dst) .. ":" .. pinfo.dst_port
  if is_answer then client, server = server, client end
  -- A recording of both hosts, or of loopback, shows each message as it leaves and as it arrives.
  -- (tshark -2 does not tell which the first time.)
  local interface, kind = sll_interface(), sll_kind()
  local at_client = kind and (kind.value == OUTGOING) ~= is_answer
  local key = table.concat({ client, server, tostring(interface), tostring(at_client), name }, " ")
  local request = waiting[key]
  local this = {}
  found[pinfo.number] = this
  if not is_answer then
    this.again = request ~= nil
    waiting[key] = request or { frame = pinfo.number, time = pinfo.rel_ts }
  elseif request then
    this.answer_to, this.time = request.frame, pinfo.rel_ts - request.time
    found[request.frame].answered_in = pinfo.number
    waiting[key] = nil
  end
end

function greeting.dissector(tvb, pinfo, tree)
  local is_answer = pinfo.src_port == greeting.prefs.port
  local name, reason = take_apart(tvb, is_answer)
  pinfo.cols.protocol = "GREETING"
  local shown = tree:add(greeting, tvb(), "Greeting, " .. (is_answer and "an answer" or "a request"))
  shown:add(field.is_answer, is_answer):set_generated()
  if not name then
    pinfo.cols.info = (is_answer and "Answer" or "Request") .. " that is none: " .. reason
    shown:add_proto_expert_info(malformed[reason])
    return
  end
  if not pinfo.visited then relate(pinfo, is_answer, name:raw()) end
  local this = found[pinfo.number] or {}
  pinfo.cols.info = (is_answer and "Hello, " or "Name: ") .. name:string(ENC_UTF_8) .. (this.again and " (again)" or "")
  shown:add_packet_field(field.name, name, ENC_UTF_8)
  if this.again then shown:add(field.again, true):set_generated() end
  if this.answered_in then shown:add(field.answered_in, this.answered_in):set_generated() end
  if this.answer_to then
    shown:add(field.answer_to, this.answer_to):set_generated()
    local seconds = math.floor(this.time)
    shown:add(field.time, NSTime(seconds, math.floor((this.time - seconds) * 1e9 + 0.5))):set_generated()
  end
end

local ports = DissectorTable.get("udp.port")
local registered = nil

local function register()
  if registered then ports:remove(registered, greeting) end
  registered = greeting.prefs.port
  ports:add(registered, greeting)
end

function greeting.prefs_changed()
  if registered ~= greeting.prefs.port then register() end
end

register()
