"""The steps of this room."""

from ..core.registry import Declaration

STEPS = (
    # 6,200 MB: 2 million frames of width 768, where the teacher is not known.
    Declaration(
        "units.sample",
        version=7,
        config="units.config:UnitsConfig",
        reads=("seed", "features", "sample"),  # so a sweep of k or of components keeps the sample
        mb=6200,
        disk="units.disk:sample_disk",
        jobs="array",
        torch=True,
    ),
    Declaration(
        "units.kmeans",
        version=3,
        config="units.config:UnitsConfig",
        disk="units.disk:codebook_disk",
        jobs="task",
        torch=True,
    ),
    Declaration(
        "units.label", version=7, config="units.label:LabelConfig", mb=0.1, mb_per_hour=1.5, jobs="array", torch=True
    ),
    # Takes seconds, so it is made anew when stale, e.g. when a twin codebook is asked for later.
    Declaration(
        "units.quality",
        version=4,
        config="units.quality:QualityConfig",
        mb=1,
        foresees="units.foreseen:quality_mistakes",
        remade=True,
    ),
)
