"""English sentences of the mini corpus, for its bilingual part; read by the same speakers as the Arabic ones."""

from __future__ import annotations

from .mini_text import Lexicon

ENGLISH = Lexicon(
    templates=(
        "where did {person} go {past}",
        "I want to buy {food} {when}",
        "why did you not come to {place} {past}",
        "when will {person} arrive at {place}",
        "please bring {food} and {food2} {when}",
        "this {noun} is very {adjective}",
        "good {hour}, how are you {now}",
        "do you like {food} or {food2}",
        "I went to {place} with {person} {past}",
        "there is no {food} at {place}",
        "we do not have {thing} {when}",
        "how much is {thing} at {place}",
    ),
    slots={
        "person": "my father / my mother / your brother / our teacher / the doctor / her friend / the driver",
        "food": "fresh bread / brown rice / fish / chicken soup / green tea / coffee / cheese / honey / apples",
        "when": "today / tomorrow / right now / this evening / every morning / after lunch",
        "now": "today / right now / this week / my friend",
        "past": "yesterday / last night / two days ago / this morning / last week",
        "place": "the market / the house / school / the station / the airport / the library / the village",
        "thing": "the time / a new car / enough money / that book / a ticket / the key",
        "noun": "house / story / garden / road / lesson / picture / song",
        "adjective": "beautiful / long / expensive / useful / old / quiet",
        "hour": "morning / evening / afternoon",
    },
)
