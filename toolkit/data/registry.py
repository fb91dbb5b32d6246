"""The steps of this room, and the scripts that fetch packaged corpora."""

from ..core.registry import Declaration


def _corpus(
    name: str, config: str, mb: float = 0.5, mb_per_hour: float = 0.5, version: int = 4, disk: str = ""
) -> Declaration:
    """A corpus in its own layout to data directories; its shards compute on CPUs.

    Args:
        config: "module:Class" below data/corpora/.
        mb_per_hour: tables alone take 0.5 MB per hour of audio; a corpus whose audio is decoded or copied takes more.
    """
    name, config = f"data.corpora.{name}", f"data.corpora.{config}"
    return Declaration(
        name, version, config, mb=mb, mb_per_hour=mb_per_hour, disk=disk, takes=("corpus",), jobs="cpu array"
    )


STEPS = (
    Declaration("data.by_speaker", version=3, config="data.by_speaker:BySpeakerConfig", mb=0.1, mb_per_hour=1),
    Declaration(
        "data.contamination",
        version=4,
        config="data.contamination:ContaminationConfig",
        mb=0.5,
        mb_per_hour=0.5,
        takes=("data",),
        foresees="data.foreseen:contamination_mistakes",
        jobs="cpu array",
        # The output is the same with it: it may be given once and left out afterwards.
        free=("allow_contamination",),
    ),
    Declaration("data.edit", version=4, config="data.edit:EditConfig", mb=0.5, mb_per_hour=0.5),
    Declaration("data.instruct", config="data.instruct_config:InstructConfig", mb=0.1, mb_per_hour=1),
    Declaration("data.mix", version=3, config="data.mix:MixConfig", mb=0.1, mb_per_hour=1),
    Declaration(
        "data.sample",
        version=3,
        config="data.sample:SampleConfig",
        mb=0.1,
        mb_per_hour=1,
        foresees="data.foreseen:sample_mistakes",
    ),
    _corpus("adi17", "segments:CorpusConfig", mb=10, version=5),
    _corpus("adi5", "segments:CorpusConfig"),
    _corpus("anad", "own_split:OwnSplitConfig", version=5),
    _corpus("arabic_speech_corpus", "arabic_speech_corpus:ArabicSpeechCorpusConfig", mb_per_hour=1, version=7),
    Declaration("data.corpora.asterisk", config="data.corpora.asterisk:AsteriskConfig", mb=2),
    _corpus("baved", "own_split:OwnSplitConfig", version=5),
    _corpus(
        "casablanca", "casablanca:CasablancaConfig", mb=10, mb_per_hour=330, version=5
    ),  # audio is stored at 44.1 kHz
    _corpus("commonvoice", "commonvoice:CommonVoiceConfig", mb_per_hour=0.6, version=6),
    _corpus("dialect_clips", "segments:CorpusConfig", mb=1, mb_per_hour=1),
    _corpus("fleurs", "fleurs:FleursConfig", mb_per_hour=115, version=5),
    _corpus("fluent_speech_commands", "segments:CorpusConfig", mb_per_hour=2),
    _corpus("folder", "folder:FolderConfig", mb=10, version=8),
    _corpus("iemocap", "segments:CorpusConfig", mb_per_hour=1),
    _corpus("ksuemotions", "ksuemotions:KsuEmotionsConfig", version=5),
    _corpus("librispeech", "librispeech:LibriSpeechConfig", mb_per_hour=0.3),
    _corpus("masc", "masc:MascConfig", mb_per_hour=0.3, version=7),
    _corpus("mgb2", "mgb2:Mgb2Config", mb=10, version=7),
    _corpus("mgb3", "mgb3:Mgb3Config", mb_per_hour=1, version=6),
    _corpus("mgb5", "segments:CorpusConfig", mb_per_hour=1, version=6),
    _corpus("mini", "mini:MiniConfig", mb=0.3, mb_per_hour=118, version=1),
    _corpus(
        "mini_summaries",
        "mini_summaries:MiniSummariesConfig",
        version=1,
        disk="data.corpora.mini_disk:summaries_disk",
    ),
    _corpus("mini_superb", "mini_superb:MiniSuperbConfig", version=1, disk="data.corpora.mini_disk:superb_disk"),
    _corpus("qasr", "qasr:QasrConfig", mb=10, version=7),
    _corpus("sada", "segments:CorpusConfig", mb=10, version=5),
    _corpus("speech_commands", "segments:CorpusConfig", mb=10, mb_per_hour=3),
    _corpus("voxceleb1", "segments:CorpusConfig", mb=10),
    # What stays in the folder and in the cache of downloads, and what is unpacked on the way.
    Declaration("tools/fetch_asterisk.sh", mb=230),
    Declaration("tools/fetch_dialect_clips.sh", mb=5),
    Declaration("tools/fetch_whisper.sh", mb=720),
)
