"""The steps of this room."""

from ..core.registry import Declaration

STEPS = (
    Declaration("models.export", config="models.config:ExportConfig", mb=300),  # of whisper-base in float32
    Declaration("models.fetch", config="models.config:FetchConfig", mb=6200),  # of large-v2, as much again in the cache
    Declaration("models.student", config="models.config:StudentConfig", mb=500, torch=True),
)
