"""Arabic presentation forms: letters by their shape in a word, and ligatures, as old encodings and PDFs have them."""

from __future__ import annotations

import re
import unicodedata

from .diacritics import COMBINING_HAMZA, NEWER_MARKS, QURANIC, SUPERSCRIPT_ALEF, TASHKEEL, TATWEEL

ALLAH, AKBAR = "\ufdf2", "\ufdf3"  # the two ligatures of words that begin with an alef
_FORMS = re.compile("[\ufb50-\ufdff\ufe70-\ufefc]")
_WITH_ALEF = re.compile(f"[{ALLAH}{AKBAR}]")
_OTHERS = re.compile(f"(?![{ALLAH}{AKBAR}])[\ufb50-\ufdff\ufe70-\ufefc]")

# Ligatures of whole phrases to which Unicode gives no letters, only a name. The newest are of Unicode 14.
_PHRASES = {
    "\ufdfd": "بسم الله الرحمن الرحيم",
    "\ufd40": "رحمه الله",
    "\ufd41": "رضي الله عنه",
    "\ufd42": "رضي الله عنها",
    "\ufd43": "رضي الله عنهم",
    "\ufd44": "رضي الله عنهما",
    "\ufd45": "رضي الله عنهن",
    "\ufd46": "صلى الله عليه وآله",
    "\ufd47": "عليه السلام",
    "\ufd48": "عليهم السلام",
    "\ufd49": "عليهما السلام",
    "\ufd4a": "عليه الصلاة والسلام",
    "\ufd4b": "قدس سره",
    "\ufd4c": "صلى الله عليه وآله وسلم",
    "\ufd4d": "عليها السلام",
    "\ufd4e": "تبارك وتعالى",
    "\ufd4f": "رحمهم الله",
    "\ufdcf": "سلامه علينا",
    "\ufdfe": "سبحانه وتعالى",
    "\ufdff": "عز وجل",
}
_MARKS = f"[{TASHKEEL}{SUPERSCRIPT_ALEF}{QURANIC}{NEWER_MARKS}{COMBINING_HAMZA}{TATWEEL}]"
_ALEF_BEFORE = re.compile(f"([\u0627\u0623\u0625\u0622\u0671]{_MARKS}*)([{ALLAH}{AKBAR}])")
_LI_BEFORE_ALLAH = re.compile(rf"(?<!\w)(?<!{_MARKS})((?:[وف]{_MARKS}*)?ل{_MARKS}*){ALLAH}")


def fold_presentation_forms(text: str) -> str:
    """Text with presentation forms (U+FB50-FDFF, U+FE70-FEFC) as the letters that they stand for; else unchanged.

    Ligatures become all their letters (U+FEFB -> lam, alef; U+FDF2 -> Allah), signs on a space or a tatweel of their
    own become the sign alone. Only these are folded: NFKC of a whole text would change digits and Latin, too.
    Idempotent.
    """
    return _FORMS.sub(lambda form: _letters_of(form[0]), text)


def write_out_presentation_forms(text: str) -> str:
    """Text with presentation forms as words spelt the way people spell them; else unchanged. Idempotent.

    As fold_presentation_forms, but for ligatures of words:

    - Many fonts draw U+FDF2 without its alef, so people type an alef before it. That alef is the article's, and no
      second one is added: alef + U+FDF2 -> الله, عبدا + U+FDF2 -> عبدالله, تا + U+FDF2 -> تالله. The same holds for
      U+FDF3 (اكبر).
    - The preposition ل takes the alef away: ل + U+FDF2 -> لله.
    - Ligatures of several words are set apart from their neighbours, e.g. U+FDFA. Those to which Unicode gives no
      letters are written out, e.g. U+FDFD.
    """
    if not _FORMS.search(text):
        return text
    text = _OTHERS.sub(lambda form: _words_of(form[0]), text)  # first: one of them may be the alef
    text = _ALEF_BEFORE.sub(lambda pair: pair[1] + _letters_of(pair[2])[1:], text)
    text = _LI_BEFORE_ALLAH.sub(r"\1له", text)
    return _WITH_ALEF.sub(lambda form: _letters_of(form[0]), text)


def _letters_of(form: str) -> str:
    return unicodedata.normalize("NFKC", form).strip(f" {TATWEEL}")


def _words_of(form: str) -> str:
    letters = _PHRASES.get(form) or _letters_of(form)
    return f" {letters} " if " " in letters else letters
