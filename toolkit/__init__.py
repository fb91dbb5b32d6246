"""Sawt: a recipe toolkit for Arabic speech."""

__version__ = "0.1.0"
