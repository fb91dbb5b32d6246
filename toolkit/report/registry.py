"""The steps of this room. Both make tables of their inputs in seconds, so a stale table is made anew."""

from ..core.registry import Declaration

STEPS = (
    Declaration("report", version=4, config="report.config:ReportConfig", mb=8, remade=True),
    Declaration("report.whisper", config="report.config:ReportConfig", mb=4, remade=True),
)
