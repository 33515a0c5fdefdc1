"""The words of the house and what each is taken for, as one table.

A line is a tag, a value and the phrases; what is indented continues it. The longest phrase that fits wins, and of equal
ones the first. Phrases are lower case, without punctuation, contractions written out.
"""

from __future__ import annotations

import re

_THINGS = """
room living_room: living room|livingroom|lounge|sitting room|front room|parlour|parlor|family room
room kitchen: kitchen|over the table|above the table|over the kitchen table|above the kitchen table
room bedroom: next to my bed|by my bed|next to the bed|by the bed|beside the bed|beside my bed|bedroom|bed room
    |bedside|sleeping room|bedrooms
light bedroom: night light|nightlight|night lamp|reading light|reading lamp|light by the bed|lamp by the bed
    |light next to the bed|lamp next to the bed
light kitchen: table light|table lamp
light: light|glow|lamp|lighting|bulb|lightbulb|light bulb|lights|lamps|bulbs|lightbulbs|light bulbs
door front: front door|main door|entrance|entrance door|house door|main entrance|entry door|front entrance
    |living room door|lounge door|sitting room door|door in the living room|door to the living room|front gate
    |door of the living room|front door lock|entry
door back: back door|rear door|garden door|kitchen door|backdoor|rear entrance|back entrance|back door lock
    |door in the kitchen|door to the garden|door of the kitchen|door to the kitchen
doors: doors|both doors|all doors|all the doors|both the doors|every door|each door|locks|both locks|all locks
    |all the locks|front and back door|front and back doors|back and front door|back and front doors
    |front and the back door
house: house|home|flat|apartment|place|the whole house|whole place|entire place
side front: front|front one
side back: rear|back|back one|rear one
door: door|lock on the door|lock of the door|door lock
oven: oven|cooker|ovens
all: in this house|all|all three|all of|both of|every|each|both|every single|in every room|in all rooms
    |in all the rooms|in the whole house|in the house|across the house|all over the house|throughout the house
    |in the entire house|everywhere|throughout|whole house|entire house|of the house|house wide|in all three rooms
everything: everything|anything|all devices|every device|all the devices|everything in the house|all appliances
    |all of it|the lot|it all
it: it|that|this one|that one|them|these|those|this|same one
there: there|in there|over there
food: cake|pizza|bread|chicken|cookies|lasagna|lasagne|fish|potatoes|pie|muffins|biscuits|turkey|casserole|fries
    |vegetables|steak|meat|quiche|food|croissants|brownies|dinner|lunch|breakfast|roast chicken|something
absent: bathroom|toilet|restroom|hallway|hall|corridor|garage|garden|office|study|attic|basement|cellar|balcony
    |terrace|patio|porch|dining room|guest room|nursery|kids room|stairs|staircase|closet|driveway|yard|shower|bath
    |laundry room|pantry|heating|radiator|radiators|heater|air conditioning|air conditioner|ac|a c|aircon|thermostat
    |television|tv|telly|t v|music|radio|speaker|speakers|stereo|blinds|blind|shutter|shutters|curtain|curtains|window
    |windows|camera|cameras|alarm|alarms|garage door|stove|stove top|stovetop|hob|hotplate|cooktop|dishwasher
    |washing machine|washer|dryer|fridge|refrigerator|freezer|microwave|toaster|coffee machine|coffee maker|kettle
    |vacuum|vacuum cleaner|ceiling fan|fireplace|sprinkler|sprinklers|doorbell|boiler|printer|humidifier|fountain|pool
    |gate|projector|playlist|volume|timer|sauna|socket|plug|central heating|garden light|garden lights|cooker hood
    |extractor fan|extractor hood|bathroom light|conservatory|utility room|loft|shed|bedroom door|bedroom lock
    |bathroom door|burner|burners
color: red|blue|green|purple|pink|yellow|orange|violet|turquoise|magenta|rainbow|lilac|cyan|golden|crimson|indigo
"""
_STATES = """
on: on|lit|going
off: off|out
onverb: activate|enable|start|start up|illuminate|fire up|light|switch back on
offverb: kill|cut|deactivate|disable|extinguish|douse|stop|shut down|snuff out|lose
lock: lock|lock up|bolt|secure|latch|shut|close|lock down|relock
unlock: unlock|open|open up|unbolt|unlatch
locked: locked|bolted|secured|closed|locked up
unlocked: unlocked|opened|unbolted
set: set|turn|switch|put|make|change|adjust|get|bring|have|flip|flick|move|take|let|give|crank|power|push|use|dial|pop
    |click|stick|run|hit|tune|throw|shut it
keep: keep|leave
past: left|turned|switched|dimmed|flipped
quality light: bright|dark
quality: hot|running|finished|done|ready|preheated|working|burning|heated|up to temperature|hot enough|shining|doing
    |glowing|cooking
raise: raise|increase|boost|lift|higher|brighten up|step up
lower: lower|decrease|reduce|drop|soften|cut back|tone|step down
up: up
down: down
more: more|some more|another
less: less
brighter: brighter|brighten|more light|more brightness|lighter|less dark|less dim|more bright|lighten|lighten up
dimmer: dimmer|darker|darken|less light|less bright|less brightness|softer|more dim|not so bright
dimverb: dim|dim down
warmer: warmer|cozier|cosier|more cozy|more cosy|cozy|cosy|less cold|less white|less blue|more yellow|yellower|warm up
    |more warm|less cool
colder: colder|whiter|bluer|more white|less warm|less yellow|more blue|cool down|cool off|cooler|less cozy
hotter: hotter|more heat
level 100: full|maximum|max|fully|all the way up|full brightness|full power|brightest|as bright as possible|full blast
    |highest|maximum brightness|to the max|as bright as they go|as bright as it goes|as bright as it can be
    |completely up|top brightness|max brightness|as bright as it gets|as bright as they get|all the way to the top
level 75: three quarters|three quarter|three fourths
level 50: half|halfway|half way|half brightness|half power|middle
level 25: quarter|one quarter
level 20: low|dim light|dimmed|low light
level 1: minimum|min|lowest|all the way down|as dim as possible|minimum brightness|dimmest|as low as possible|darkest
    |as dark as possible|as low as it goes|as low as they go|lowest level
white 2200: candlelight|candle light|like a candle|candle|candles|candle lit
white 2700: warm white|warm light|warm
white 4000: neutral white|neutral|neutral light
white 6500: daylight|cold white|cold light|cool white|cold|day light|cool light|like daylight|cool
percent: percent|per cent|pct|percents
degrees c: degrees|degree|celsius|degrees celsius|centigrade|degrees centigrade|degrees c
degrees f: fahrenheit|degrees fahrenheit|degrees f
kelvin: kelvin|kelvins|degrees kelvin
mode fan: fan|hot air|convection|fan mode|fan assisted|circulating air|hot air mode|convection mode|fan setting
mode top_bottom: top and bottom|top and bottom heat|top bottom|bake mode|top bottom heat|baking mode|baking
    |upper and lower heat|conventional|conventional heat|top and bottom mode|top and bottom heating
mode grill: grill|grill mode|broil|broil mode|broiler|grill setting|grilling
bake: bake
heat: heat|preheat|pre heat|roast|heat up|warm the oven|preheating|heating
brightness: brightness|brightness level|dimmer level|light level
heatword: temperature|heat setting|temp
whiteword: color temperature|colour temperature|color|colour|white|light temperature
mode: mode
scene good_night: hitting the sack|hitting the hay|good night|goodnight|i am going to bed|going to bed|off to bed
    |i am off to bed|bedtime|time for bed|i am going to sleep|we are going to bed|we are going to sleep|going to sleep
    |heading to bed|sleep well|turning in|time to sleep|night night|sweet dreams|go to bed|time to go to bed
    |call it a night|good night scene|go to sleep|hit the sack|hit the hay|good night mode
scene everything_off: i am leaving|we are leaving|i am going out|we are going out|i am off|we are off
    |i am leaving the house|we are leaving the house|leaving the house|leaving now|i am heading out|we are heading out
    |off to work|i am off to work|i am going to work|shut everything down|heading out|i am leaving home
    |i am on my way out|i am out the door
toobright: too bright|too light
toodark: too dark|too dim|not bright enough
toowarm: too warm|too yellow
toocold: too cold|too white|too blue
toohot: too hot
"""
_SPEECH = """
to: to|at|down to|up to
by: by
and: and|then|plus|also|and then|and also|as well as|after that|along with
but: but
fix: no|i mean|i meant|or rather|sorry|rather|actually|scratch that|correction|make that|wait|oops|instead|hang on
    |hold on|no wait|sorry i mean|no i mean|no i meant|sorry i meant|on second thought|i said|nope|or no
drop: never mind|nevermind|forget it|forget that|leave it|cancel|cancel that|do not bother|leave it alone|drop it
    |not now|do not do it|do not do that|leave it as it is|leave it be
except: except|except for|apart from|but not|other than|besides|excluding|all but|not including
not: not|do not|never|does not|no need to|refrain from|without
req: can be|could be|may be|can you|could you|would you|will you|can we|could we|can i have|can i get|could i have
    |could i get|may i have|may i get|let us|i want you to|i would like you to|i need you to|i want|i would like
    |i need|we need|we want|we would like|please|kindly|would you mind|do you mind|you can|you could|you may|make sure
    |ensure|see to it|see that|be so kind as to|be so kind|be so good as to|i would appreciate it if you could
    |i would appreciate it if you would|if you could|if you would|do me a favor|do me a favour|give me|give us
    |let me have|let us have|how about|why do not you|would it be possible to|is it possible to|could you possibly
    |i wonder if you could|i was wondering if you could|might i have|i want to|i would like to|we should|should be
    |must be|needs to be|need to be|ought to be|do not forget to|remember to|let there be|i could use|we could use
    |time to|feel free to|i would prefer|i prefer|try to|it would be nice if you could|it would be great if you could
    |would be nice|would be great|you should|i need to|we need to|i have to|it is time to|there should be|should go
    |can go|let me|get me|get us|would you be so kind as to|would you be so kind|are you able to
    |is there any chance you could|any chance you could|want|mind|may i ask you to|i ask you to|i must ask you to
    |would love|i would love|it would be lovely if you could|i wish you would|if you do not mind|if you please|may go
    |have to be|i would be grateful if you could|we are ready to|i am ready to|could do with|i could do with
qreq: double check that|double check|check that|tell me if|can you tell me if|could you tell me if|let me know if
    |do you know if|find out if|i want to know if|i would like to know if|can you see if|could you check if
    |can you check if|verify if|tell me|how many|how hot|how warm|how bright|how dark|how high|how far
    |what temperature|at what temperature|to what temperature|how cold|how dim|how hot is|can you tell me
    |could you tell me|would you tell me|do you know|i want to know|i would like to know|let me know|check|check if
    |check whether|can you check|could you check|show me|find out|i wonder|i wonder if|i wonder whether|see if
    |see whether|status|state|verify|any idea|can you see whether|how is|how are|did i|did we|did i remember to
    |did i forget to|have i|have we|can you confirm|am i right that|report|i forgot whether|i forgot if
    |i am not sure if|i am not sure whether|remind me|has anyone|has somebody|did anyone|did somebody|did you|have you
    |look whether|do i need to|let us know|can you say|could you say|what about
wh: has|have|does|do|can|could|would|will|shall|may|what|what is|what are|which|how|whether|is there|are there|any|was
    |were|where|which one|or not|or
tobe: is|are|was|were|been
later: tomorrow|later|tonight|in the morning|at midnight|at noon|every day|every morning|every evening|every night
    |next week|this evening|in a while|soon|at sunset|at sunrise|this afternoon|this weekend|in half an hour
    |in an hour|in a minute|in a moment|on monday|on sunday|after dinner
timeunit: minutes|minute|hours|hour|seconds|second|o'clock|pm|am|p m|a m
block: one of the|ask|asking|tell|remind|turns|switches|opens|closes|dims|unlocks|sets|makes|you could have
    |you should have|we should have|we could have|he|she|they|him|his|her|said|says|told|tells|asked|asks|shouted
    |whispered|yelled|cried|screamed|yesterday|last|ago|movie|film|book|story|novel|episode|once|used to|usually
    |always|sometimes|often|if|when|whenever|while|until|unless|why|who|whose|somebody|someone|everybody|everyone
    |nobody|people|should have|could have|would have|look at|like the|explain|means|word|sentence|translate|song
    |lyrics|imagine|suppose|pretend|dreamed|thought|forgot|heard|reads|wrote|mentioned|do you like|do you think
    |do you want|do you ever|do you have|should i|should we|how do|how does|how did|how can i|how to|what if
    |what happens|what did|shall i|used|it says|read about|had|were to|gonna|does anyone|kids|does it|after the
because: because|so that|so i|so we|since|in order to|so it|otherwise|before i|before we
unsafe: publish|subscribe|topic|dollar|mqtt|payload|wildcard|broker|hash
subj: i|we|you|it is|i am|we are|my|our|your|the house is|you are|i have|we have|i cannot|we cannot
fill: the|look like|feel like|glow like|like|downstairs|upstairs|yet|a|an|in|of|for|me|us|now|right now|just|so|well
    |okay|ok|alright|all right|right|yes|yeah|yep|sure|um|uh|er|erm|hmm|oh|ah|hey|hello|hi|thanks|thank you
    |thank you very much|thanks a lot|immediately|at once|quickly|again|too|as well|a bit|bit|little|slightly|somewhat
    |lot|much|some|that is|of the|in here|here|room|rooms|with|one|ones|be|being|so kind|good|nice|very|really|maybe
    |perhaps|possibly|only|simply|straight away|as soon as possible|dear|mate|buddy|sonic|assistant|computer|sir|still
    |already|currently|at the moment|at present|exactly|there is|about|around|roughly|from|great|perfect|fine|lovely
    |listen|good morning|good evening|good afternoon|first|finally|even|today|completely|totally|go ahead|quite|far
    |enough|together|tiny|to be|do|than|over|point|level|way|as|setting|power|value|work|me a|by the way|which is
    |on the wall|on the ceiling|big|small|touch|tad|notch|shade|me some|am|has been|into|has to be|for a while
    |for the night|next|through|other|same|tone|device|devices|favor|favour|possible|white light|see you|bye|goodbye
    |see you later|myself|ourselves|under|the whole
"""
#: "Of" is heard for "off".
OFF = (
    (r"\b(?:no more|no|get rid of the) lights?\b", "lights off"),
    (r"\b(turn|switch|shut) of\b", r"\1 off"),
    (r"\bof(?= please$|[.!?]*$)", "off"),
)
#: What recognisers write for a word of the house, where the sentence is about the house anyway.
MISHEARD = (
    (r"\b(chicken|kitten|kitchens|kitchener) (light|lights|lamp)\b", r"kitchen \2"),
    (r"\b(leaving|live in|living|leading) rooms?\b", "living room"),
    (r"\b(lied|lite|lites|lies|lights|right)( in the (?:kitchen|bedroom|living room))\b", r"light\2"),
    (r"\b(kitchen|bedroom|bedside|living room|lounge) (lied|lite|lites|night|like|right|life|lice)\b", r"\1 light"),
    (r"\b(front|back) (dore|dough|doll|dove|four|though|store)\b", r"\1 door"),
    (r"\b(lark|lack|like|luck|look|lot|log|locked|rock|lake) (?=the (?:front|back|rear|kitchen|main) ?door)", "lock "),
    (r"\b(and|on|an|hand) lock (?=the )", "unlock "),
    (r"\b(often|even|of in|oh van|open|oben)(?= (?:to|off|on|at)\b)", "oven"),
    (r"\b(to|two|too) (\w+ percent)\b", r"to \2"),
    (r"\b(tern|torn|term|town) (on|off|up|down|the)\b(?= )", r"turn \2"),
    (r"\b(deem|dims|team|dimmed) the\b", "dim the"),
    (r"\b(present|person|presents|purse sent)\b(?<=\d )?", "percent"),
)

Meaning = tuple[str, str]


def _read(table: str) -> dict[tuple[str, ...], Meaning]:
    found: dict[tuple[str, ...], Meaning] = {}
    for line in re.sub(r"\n\s+", "", table).strip().splitlines():
        head, _, phrases = line.partition(": ")
        tag, _, value = head.partition(" ")
        for phrase in phrases.split("|"):
            found.setdefault(tuple(phrase.split()), (tag, value))
    return found


PHRASES = _read(_THINGS + _STATES.lstrip() + _SPEECH.lstrip())
LONGEST = max(map(len, PHRASES))
#: Words that an unknown one may be a mishearing of: what a sentence about the house is about, and what shall be done.
_NEAR = {"room", "light", "door", "doors", "side", "oven", "onverb", "offverb", "lock", "unlock", "locked", "unlocked",
         "set", "brighter", "dimmer", "warmer", "colder", "hotter", "percent", "degrees", "kelvin", "heat",
         "brightness", "heatword", "everything"}  # fmt: skip
REPAIRABLE = sorted({word for phrase, (tag, _) in PHRASES.items() if tag in _NEAR for word in phrase if len(word) >= 4})
WORDS = frozenset(word for phrase in PHRASES for word in phrase)
