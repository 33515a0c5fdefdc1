"""The phrases that the dialogue knows, as patterns on words as they sound (lower case, no punctuation)."""

from __future__ import annotations

import re

#: What the recogniser makes of short words, and what was meant.
MISHEARD = (
    (r"^(a|the) low\b", "hello"),
    (r"\b(wet|what|one) (dime|times?|thyme) (is|it|at|does)\b", "what time is"),
    (r"\btime is at\b", "time is it"),
    (r"\b(come|counts?|country|account) (to|two|too|2|the) ", "count to "),
    (r"\bcount (two|too|the|2) ", "count to "),
)
CONTRACTIONS = (
    (r"\b(what|who|that|it|how|where|there|here)'s\b", r"\1 is"),
    (r"\b(\w+)'re\b", r"\1 are"),
    (r"\bi'm\b", "i am"),
    (r"\b(\w+)n't\b", r"\1 not"),
)

TIME = re.compile(
    r"\btime (is it|it is|do you|please|now)\b|\b(what|tell|give|current|know|have|say)\b.*\btime\b|^(the )?time$"
)
DATE = re.compile(
    r"\b(what|which|tell|give|know|current)\b.*\b(date|day)\b|\b(date|day) (is it|it is|is today|today)\b"
    r"|\btoday'?s? date\b|^(the )?date$"
)
NOT_DATE = re.compile(r"\b(your|good|nice) day\b|\bday (to day|was)\b")
REPEAT_LAST = re.compile(
    r"^(please )?(can you |could you )?(say|repeat)( that| it| this)?( again| once more)?( please)?$"
    r"|\bwhat did you say\b|^pardon$"
)
#: On the text as recognised: what is repeated keeps its spelling.
REPEAT = re.compile(
    r"^\W*(?:please[ ,]+|can you[ ,]+|could you[ ,]+)*"
    r"(?:repeat(?:s|ed)?(?: after me| the words?| these words?)?|say after me|say)\b[\s,.:;!-]*(?P<what>.*\w.*)$",
    re.IGNORECASE | re.DOTALL,
)
#: Typed text by which a client makes the agent speak of its own accord; Nova has no other way
#: (Nova 2 user guide, page ``sonic-cross-modal``).
SAY_EXACTLY = re.compile(
    r'^\s*say exactly this to the user, and nothing else: "(?P<what>.*)"\s*$', re.IGNORECASE | re.DOTALL
)
COUNT_DOWN = re.compile(r"\bcount(?:ing)? down(?: from)? (?P<top>.+)$")
COUNT = re.compile(r"\bcount(?:ing)?\b(?: \w+)*?(?: from (?P<bottom>.+?))? (?:up )?to (?P<top>.+)$")
COUNT_BARE = re.compile(r"^(please |can you |could you )*count( aloud| for me| please| for a while| out loud)*$")

#: What the voices speak that do not speak English (Nova 2 user guide, page ``sonic-language-support``).
FOREIGN_VOICES = {
    "lupe": "Spanish", "carlos": "Spanish", "ambre": "French", "florian": "French", "tina": "German",
    "lennart": "German", "beatrice": "Italian", "lorenzo": "Italian", "carolina": "Portuguese", "leo": "Portuguese",
}  # fmt: skip
#: On the system prompt.
FOREIGN_ASKED = re.compile(
    r"\b(?:speak|answer|reply|respond)(?: only)?(?: in)? (Spanish|French|German|Italian|Portuguese|Hindi)\b",
    re.IGNORECASE,
)
ENGLISH_ONLY = "I am the small model on this machine, and I cannot speak {language}: I hear and speak English only."

_STORY = (
    "Once there was a small sound that lived in a shell. Every morning the wind came by and asked it to travel. "
    "The sound was afraid, because the sea was so much louder. One day a child held the shell to her ear and listened. "
    "So the sound told all it knew, and it was never afraid again."
)
_HELP = "I can tell you the time and the date, repeat what you say, count aloud, and tell a short story."
_HELP_WANTED = (
    r"\b(what|how) (can|could|do|else can) you (do|help|know)\b|^help( me)?( please)?$|\bhelp me\b"
    r"|\bwhat (can|could) i\b"
)

#: While a tool works.
STOP = re.compile(r"^(\w+ ){0,3}(stop|cancel|never mind|forget it|wait|abort|enough)\b")
STOPPED = "Okay, I stop. But it was on its way already, so it may still be done: ask me how things stand."

#: Pattern and answer; ``{name}`` is what the assistant is called. The first that fits wins.
SMALL_TALK: tuple[tuple[str, str], ...] = (
    (
        r"\b(your name|who are you|what are you|are you called)\b",
        "My name is {name}. I am a small assistant without any cloud.",
    ),
    (_HELP_WANTED, _HELP),
    (r"\bhow (are|do) you\b", "I am well, thank you. How can I help you?"),
    (
        r"\b(can|do) you hear me\b|^(is )?(anybody|anyone) there$|^testing\b|^test( test| one two.*)?$",
        "Yes, I hear you well.",
    ),
    (r"\bstory\b|\btalk (for|to me)\b", _STORY),
    (r"\b(goodbye|bye|see you|goodnight)\b", "Goodbye! It was nice to talk with you."),
    (r"\b(thank you|thanks)\b", "You are welcome."),
    (
        r"^(please )?(stop|be quiet|quiet|enough|never mind|shut up|cancel|wait)( it| that| please| now)*$",
        "Okay.",
    ),
    (
        r"^(hello|hi|hey|greetings|good (morning|afternoon|evening)|howdy)\b",
        "Hello! I am {name}. How can I help you?",
    ),
    (
        r"^(yes|no|okay|ok|sure|right|fine|great|good)( please| thank you| thanks)?$",
        "All right. What else can I do for you?",
    ),
)
#: Words that are worth a second guess when no rule fits.
LEXICON: list[str] = re.findall(
    r"\w+",
    "what time date today count repeat after hello goodbye thank thanks name help story please tell stop weather "
    "morning evening thirty twenty",
)
