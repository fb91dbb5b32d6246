"""The steps of this room. They make tables of their inputs in seconds, so a stale table is made anew."""

from ..core.registry import Declaration

STEPS = (
    Declaration("score.answers", config="score.config:AnswersConfig", remade=True),
    Declaration("score.compare_probes", version=2, config="score.config:CompareConfig", remade=True),
    Declaration("score.superb", version=2, config="score.config:SuperbConfig", remade=True),
    Declaration("score.ways", version=2, config="score.config:WaysConfig", remade=True),
    Declaration(
        "score.systems", version=6, config="score.config:SystemsConfig", disk="score.disk:systems_disk", remade=True
    ),
)
