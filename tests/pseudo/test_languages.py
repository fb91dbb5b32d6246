"""Labels of utt2lang as languages of a Whisper."""

import pytest

from toolkit.core.errors import UserError
from toolkit.data.kaldi import Utterance
from toolkit.models.vocabulary import Vocabulary
from toolkit.pseudo.languages import language_of, languages_of

KNOWN = dict.fromkeys(("ar", "en", "fr", "ur", "ps", "fa", "tr", "yue"), 0)


@pytest.mark.parametrize(
    ("labels", "language"),
    [
        ("ENG en EN eng English english en-US eng_Latn en_GB", "en"),
        ("FRA fra FRE fr French fr-FR", "fr"),
        ("Urdu urd ur", "ur"),
        ("fas per Farsi", "fa"),
        ("yue yue-HK", "yue"),
        ("ps pus", "ps"),
        ("MSA EGY ar ara arz Egyptian مصري الجزائر ar-DZ NAJ PS", "ar"),
        ("xyz klingon متكلم_1 12", ""),
    ],
)
def test_a_label_means_the_language_that_it_names_in_whatever_spelling(labels: str, language: str) -> None:
    assert {label: language_of(label, KNOWN) for label in labels.split()} == dict.fromkeys(labels.split(), language)


def test_labels_of_another_language_are_refused_together_and_unclear_ones_are_warned_of(
    whisper, capsys: pytest.CaptureFixture[str]
) -> None:
    spoken = {f"u{n}": label for n, label in enumerate(["MSA", "English", "fre", "xyz", "unknown", "xyz"])}
    utterances = [Utterance(id, "a.wav", 0.0, None, "s", 1.0) for id in (*spoken, "without")]
    vocabulary = Vocabulary.read(whisper)
    with pytest.raises(UserError) as e:
        languages_of(utterances, spoken, "ar", {}, vocabulary, "packed")
    assert "utt2lang says English, fre would be packed as ar" in e.value.what
    assert '--languages "English=en fre=fr"' in e.value.remedy
    made = languages_of(utterances, spoken, "ar", {"English": "en", "fre": "fr"}, vocabulary, "packed")
    assert made == ["ar", "en", "fr", "ar", "ar", "ar", "ar"]
    assert "known here are packed as ar: xyz (2);" in capsys.readouterr().out
