"""Arabic presentation forms: letters by their shape in a word, and ligatures, as old encodings and PDFs have them."""

from __future__ import annotations

import re
import unicodedata

_FORMS = re.compile("[\ufb50-\ufdff\ufe70-\ufefc]")


def fold_presentation_forms(text: str) -> str:
    """Text with presentation forms (U+FB50-FDFF, U+FE70-FEFC) as the letters that they stand for; else unchanged.

    Ligatures become all their letters (U+FEFB -> lam, alef; U+FDF2 -> Allah), signs on a space or a tatweel of their
    own become the sign alone. Only these are folded: NFKC of a whole text would change digits and Latin, too.
    Idempotent.
    """
    return _FORMS.sub(lambda found: unicodedata.normalize("NFKC", found[0]).strip(" \u0640"), text)
