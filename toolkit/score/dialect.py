"""Function words that dialects have and MSA has not, each with what MSA says for them.

A small list of our own making, of words whose meaning hardly depends on what stands around them. It is no dictionary:
what is not in it is not seen. Most words that MSA writes too but means otherwise (راح, ماشي, دول, مال) were left out,
as were suffixes and prefixes (b-, 7a-, -sh). Some such words are in it, since their dialects are full of them: متاع
(in MSA goods), زي (dress), واجد (one who finds), توا (at once), برا and جوا (by land, by air), الحين (the time), and
كاين, as which sawt spells كائن (a being). In MSA speech they are judged as if they were dialect.

Dialects: EGY Egypt, LEV Levant, GLF Gulf, IRQ Iraq, YEM Yemen, MAR Morocco, ALG Algeria, TUN Tunisia; the same word may
be another country's too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

# Dialect words / what MSA says (a-phrase has several words) / the dialects that these words are from, taken together.
ENTRIES = """
مش مو موش مب مهوب ماهو / ليس ليست لست لا غير لم ما / EGY LEV GLF IRQ TUN
مفيش مافيش ماكو ماكاينش / لا-يوجد لا-توجد ليس-هناك لا ليس / EGY LEV IRQ MAR ALG
اكو كاين كاينة كاينين / يوجد توجد هناك / IRQ MAR ALG
اللي / الذي التي الذين اللذان اللواتي ما من / EGY LEV GLF IRQ YEM MAR ALG TUN
ليش ليه علاش لويش / لماذا لم / EGY LEV GLF IRQ YEM MAR ALG TUN
شو ايش إيش وش شنو شنوة واش أشنو آش شنهو / ماذا ما هل أي-شيء / LEV GLF IRQ YEM MAR ALG TUN
وين فين منين امنين / أين إلى-أين من-أين / EGY LEV GLF IRQ MAR ALG TUN
امتى إمتى ايمتى وقتاش فوقاش ايمتا وقتيش / متى / EGY LEV MAR ALG TUN
ازاي إزاي كيفاش شلون كيفن اشلون / كيف كيفية / EGY IRQ GLF MAR ALG TUN
مين منو شكون منهو / من / EGY LEV GLF IRQ MAR ALG TUN
قديش قداش بكام بقديش أديش بشحال شحال كام / كم بكم / EGY LEV MAR ALG TUN
دلوقتي دلوقت هلق هلأ هسه هسة هسع دابا دروك ضرك ذحين الحين توا توة / الآن حاليا / EGY LEV GLF IRQ YEM MAR ALG TUN
النهارده النهاردة / اليوم / EGY
امبارح إمبارح مبارح البارح / أمس البارحة / EGY LEV MAR ALG TUN
بكرة بكره بكرا غدوة باچر / غدا / EGY LEV GLF IRQ ALG TUN
عشان علشان مشان منشان عشانك باش / لأن لكي كي من-أجل حتى لأجل / EGY LEV GLF MAR ALG TUN
كده كدة كدا هيك هكا هكاك هاكا جذي چذي هيچ / هكذا كذلك ذلك هذا / EGY LEV GLF IRQ MAR ALG TUN
ده دا هاد هادا هاذا هدا هيدا / هذا ذلك / EGY LEV IRQ MAR ALG TUN
دي هاي هيدي هذي / هذه تلك / EGY LEV GLF IRQ MAR ALG TUN
هدول هذول هادو ذولا / هؤلاء أولئك / EGY LEV GLF IRQ MAR ALG
احنا إحنا نحنا إحنه / نحن / EGY LEV GLF IRQ YEM MAR ALG TUN
انتو إنتو انتوا انتوما نتوما / أنتم / EGY LEV GLF IRQ MAR ALG TUN
عايز عاوز عايزة عاوزة عايزين بدي بغيت أبغى ابغي / أريد أرغب يريد تريد نريد / EGY LEV GLF YEM MAR ALG
بدك / تريد تريدين / LEV
بدنا / نريد / LEV
بده / يريد / LEV
بتاع بتاعي بتاعت بتاعة تبعي ديال ديالي ديالنا متاع متاعي متاعنا نتاع تاع / الخاص الخاصة لي لنا / EGY LEV MAR ALG TUN
زي زيه / مثل مثله كما / EGY GLF YEM
بس / فقط لكن ولكن / EGY LEV GLF IRQ YEM
كمان برضه برضو / أيضا كذلك / EGY LEV
برشا برشة بزاف وايد واجد كتير / كثير كثيرا جدا / EGY LEV GLF IRQ MAR ALG TUN
شوية شوي شويه شويا / قليلا قليل بعض / EGY LEV GLF IRQ YEM MAR ALG TUN
لسه لسة لسا / ما-زال لا-يزال بعد ليس-بعد / EGY LEV GLF
جوه جوا / داخل في-الداخل / EGY LEV
بره برا برة / خارج في-الخارج / EGY LEV GLF IRQ MAR ALG TUN
ايوه أيوه ايوا أيوا أيوة / نعم أجل / EGY LEV GLF YEM
كويس كويسة منيح منيحة مزيان مليح باهي / جيد جيدا جيدة حسن بخير / EGY LEV MAR ALG TUN
شي / شيء / LEV GLF IRQ MAR ALG TUN
"""
_CONJUNCTIONS = ("و", "ف")

Phrase = tuple[str, ...]


class Lexicon:
    """Dialect words in the spelling of a profile, and the MSA phrases for each."""

    def __init__(self, normalise: Callable[[str], str]) -> None:
        """Args: normalise: the profile that the texts are read through, so that both are spelt alike.

        What the profile makes one word of (several spellings of one, or a dialect word and its own MSA equivalent) is
        one word here, or left out.
        """
        self._phrases: dict[str, list[Phrase]] = {}
        for line in ENTRIES.strip().splitlines():
            dialect, msa, _ = (part.split() for part in line.split("/"))
            phrases = [tuple(normalise(phrase.replace("-", " ")).split()) for phrase in msa]
            for word in map(normalise, dialect):
                known = self._phrases.setdefault(word, [])
                known += [phrase for phrase in phrases if phrase and phrase not in known and phrase != (word,)]

    @property
    def words(self) -> list[str]:
        """The dialect words, as the profile spells them."""
        return sorted(word for word, phrases in self._phrases.items() if phrases)

    def __contains__(self, word: str) -> bool:
        return bool(self.msa(word))

    def msa(self, word: str) -> list[Phrase]:
        """Phrases of MSA for a dialect word, longest first; none where it is not in the list.

        A word after a conjunction (واللي) is known by what stands behind it, and its phrases may have one too.
        """
        phrases = self._phrases.get(word, [])
        for conjunction in _CONJUNCTIONS:
            bare = self._phrases.get(word.removeprefix(conjunction), []) if word.startswith(conjunction) else []
            if bare and not phrases:
                phrases = [*((conjunction + first, *rest) for first, *rest in bare), *bare]
        return sorted(phrases, key=len, reverse=True)


def take(phrases: Iterable[Phrase], words: list[str]) -> Phrase:
    """The first of `phrases` that stands in `words`, taken out of them; an empty one where none does."""
    for phrase in phrases:
        for i in range(len(words) - len(phrase) + 1):
            if tuple(words[i : i + len(phrase)]) == phrase:
                words[i : i + len(phrase)] = [""]  # what stood left and right of it is no phrase
                return phrase
    return ()
