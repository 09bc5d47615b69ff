"""Emoji of several characters, in which a joiner or a selector is part of what is seen. Pure.

U+200D (a joiner) and U+FE0F (a selector) draw nothing themselves, so law 12 has them as escapes. In
the sequences that Unicode lists they make one picture of several, or a picture of a text sign:
there they are seen, and an escape would say less. Only where they make a difference: not after a
character that is a picture without them, and not between two that are no listed emoji together.

https://www.unicode.org/reports/tr51/ and its files emoji-variation-sequences.txt and
emoji-zwj-sequences.txt, version 16.0.
"""

from __future__ import annotations

import re
from typing import Final

ZWJ: Final = "\u200d"
PICTURE: Final = "\ufe0f"
KEYCAP: Final = "\u20e3"
SELECTS: Final = frozenset((ZWJ, PICTURE, KEYCAP))
"""What may be part of a sequence, and is an escape anywhere else."""

# Signs that are text unless U+FE0F follows: Emoji, and not Emoji_Presentation.
_SIGNS: Final = (
    "©®‼⁉™ℹ↔-↙↩↪⌨⏏⏭-⏯⏱⏲⏸-⏺Ⓜ▪▫▶◀◻◼☀-☄☎☑☘☝☠☢☣☦☪☮☯☸-☺♀♂♟♠♣♥♦♨♻♾⚒⚔-⚗⚙⚛⚜⚠⚧⚰⚱⛈⛏⛑⛓⛩⛰⛱⛴⛷-⛹✂✈✉✌✍✏✒✔✖✝✡"
    "✳✴❄❇❣❤➡⤴⤵⬅-⬇〰〽㊗㊙🅰🅱🅾🅿🈂🈷🌡🌤-🌬🌶🍽🎖🎗🎙-🎛🎞🎟🏋-🏎🏔-🏟🏳🏵🏷🐿👁📽🕉🕊🕯🕰🕳-🕹🖇🖊-🖍🖐🖥🖨🖱🖲🖼🗂-🗄🗑-🗓"
    "🗜-🗞🗡🗣🗨🗯🗳🗺🛋🛍-🛏🛠-🛥🛩🛰🛳"
)
_TONE: Final = "[🏻-🏿]"
_PERSON: Final = f"[👨👩🧑]{_TONE}?"
_ROLE: Final = "(?:[🌾🍳🍼🎓🎤🎨🏫🏭💻💼🔧🔬🚀🚒🦰🦱🦲🦳]|[⚕⚖✈]\ufe0f|[🦯🦼🦽](?:\u200d➡\ufe0f)?)"
_SEXED: Final = (
    f"(?:[🏃🏄🏊👮👰👱👳👷💁💂💆💇🙅🙆🙇🙋🙍🙎🚣🚴🚵🚶🤦🤵🤷🤸🤹🤽🤾🦸🦹🧍🧎🧏🧔🧖🧗🧘🧙🧚🧛🧜🧝]{_TONE}?|[👯🤼🧞🧟]"
    f"|[⛹🏋🏌🕵](?:{_TONE}|\ufe0f))\u200d[♀♂]\ufe0f"
    f"|[🏃🚶🧎]{_TONE}?\u200d(?:[♀♂]\ufe0f\u200d)?➡\ufe0f"
)
_HEART: Final = "\u200d❤\ufe0f\u200d(?:💋\u200d)?"
_COUPLE: Final = (
    f"👩{_TONE}?{_HEART}[👨👩]{_TONE}?|👨{_TONE}?{_HEART}👨{_TONE}?|🧑{_TONE}{_HEART}🧑{_TONE}"
    f"|🧑{_TONE}?\u200d🤝\u200d🧑{_TONE}?|[👨👩]{_TONE}\u200d🤝\u200d[👨👩]{_TONE}|🫱{_TONE}\u200d🫲{_TONE}"
    "|[👨👩]\u200d(?:[👨👩]\u200d)?(?:👦(?:\u200d👦)?|👧(?:\u200d[👦👧])?)"
    "|🧑\u200d(?:🧑\u200d)?🧒(?:\u200d🧒)?"
)
_SINGLE: Final = (
    f"🧑{_TONE}?\u200d🎄"
    "|🏳\ufe0f\u200d(?:🌈|⚧\ufe0f)|🏴\u200d☠\ufe0f|🐕\u200d🦺|🐈\u200d⬛|🐦\u200d[⬛🔥]|🐻\u200d❄\ufe0f"
    "|👁\ufe0f\u200d🗨\ufe0f|😮\u200d💨|😵\u200d💫|😶\u200d🌫\ufe0f|❤\ufe0f\u200d[🔥🩹]|⛓\ufe0f\u200d💥|🍄\u200d🟫"
    "|🍋\u200d🟩|🙂\u200d[↔↕]\ufe0f"
)
SEQUENCE: Final = re.compile(
    rf"((?:{_COUPLE}|{_PERSON}\u200d{_ROLE}|{_SEXED}|{_SINGLE}|[0-9#*]\ufe0f\u20e3|[{_SIGNS}]\ufe0f)"
    r"(?!\u200d))"
)
"""One of them, whole. (One group: `split` gives what stands between them and them in turn.)"""
