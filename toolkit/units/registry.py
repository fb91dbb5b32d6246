"""The steps of this room."""

from ..core.registry import Declaration

STEPS = (
    # 320 MB are the default sample: 2 million MFCC frames of 156 bytes; a small corpus gives fewer. The sample does not
    # grow with the corpus but with sample.frames and the width of a frame: a config with other values states its disk
    # (frames x width x 4 bytes) as `# disk: 6200 MB`, e.g. for 2 million frames of width 768. units.kmeans has the same
    # config and is then planned with as much.
    Declaration(
        "units.sample",
        version=7,
        config="units.config:UnitsConfig",
        reads=("seed", "features", "sample"),  # so a sweep of k or of components keeps the sample
        mb=320,
        jobs="array",
        torch=True,
    ),
    Declaration("units.kmeans", version=3, config="units.config:UnitsConfig", mb=5, jobs="task", torch=True),
    Declaration(
        "units.label", version=7, config="units.label:LabelConfig", mb=1, mb_per_hour=1.5, jobs="array", torch=True
    ),
    # Takes seconds, so it is made anew when stale, e.g. when a twin codebook is asked for later.
    Declaration("units.quality", version=3, config="units.quality:QualityConfig", mb=5, remade=True),
)
