"""What a file is that no decoder here reads, by its beginning: audio of another kind, or no audio at all."""

from __future__ import annotations

from typing import BinaryIO

from .tags import after_tags

HEAD = 4096  # bytes that are looked at
CONVERT = "convert it to wav or flac, with ffmpeg or sox"
FETCH = "fetch it again"
UNPACK = "unpack it first"
_AT_FIRST = (
    (b"\x1a\x45\xdf\xa3", "a Matroska or WebM", CONVERT),
    (b"#!AMR", "an AMR", CONVERT),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a WMA", CONVERT),
    (b"wvpk", "a WavPack", CONVERT),
    (b"MAC ", "a Monkey's Audio", CONVERT),
    (b".RMF", "a RealMedia", CONVERT),
    (b"FLV\1", "a Flash video", CONVERT),
    (b"version https://git-lfs", "a Git LFS pointer, no audio", "git lfs pull"),
    (b"\x1f\x8b", "a gzip, no audio", UNPACK),
    (b"PK\3\4", "a ZIP, no audio", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z, no audio", UNPACK),
    (b"%PDF", "a PDF, no audio", FETCH),
)
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script")
_TEXTS = (b"<?xml", b"<error", b'{"')


def name_of(f: BinaryIO, size: int) -> tuple[str, str]:
    """(what the file of `size` bytes is, what to do about it); two empty strings if its beginning does not tell."""
    f.seek(after_tags(f, 0, size))
    head = f.read(HEAD)
    if head and not any(head):
        return "zeros, no audio", FETCH
    if head[4:8] == b"ftyp":
        return "an M4A or MP4", CONVERT
    if head[:1] == b"\xff" and head[1:2] in (b"\xf0", b"\xf1", b"\xf8", b"\xf9"):
        return "an AAC", CONVERT
    for beginning, name, remedy in _AT_FIRST:
        if head.startswith(beginning):
            return name, remedy
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_PAGES):
        return "a page of HTML, no audio", FETCH
    return ("XML or JSON, no audio", FETCH) if text.startswith(_TEXTS) else ("", "")
