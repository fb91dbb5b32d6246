"""Dataclasses from JSON: fields of several types."""

from dataclasses import dataclass

import pytest

from toolkit.core.schema import dump, load


@dataclass(frozen=True)
class Figure:
    """A figure that may be a number or a word."""

    value: str | int | float | None = None
    folds: int | list[int] = 1


@pytest.mark.parametrize("value", ["خمسة", 5, 5.5, None])
@pytest.mark.parametrize("folds", [3, [1, 2]])
def test_a_field_of_several_types_comes_back_as_what_it_was(value, folds):
    figure = load(Figure, dump(Figure(value, folds)), ValueError)
    assert figure == Figure(value, folds) and type(figure.value) is type(value)


def test_a_value_that_fits_no_type_is_told_with_its_place():
    with pytest.raises(ValueError, match=r"folds is 'x', which is of none of its types: .*not a whole number.*a list"):
        load(Figure, {"folds": "x"}, ValueError)
