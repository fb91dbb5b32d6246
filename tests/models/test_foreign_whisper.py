"""A Whisper in other programs' formats and back: every bit, and no file that is believed before it is read."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import WhisperForConditionalGeneration
from whispers import tiny_whisper_folder

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.models.foreign_whisper import convert, main, read_foreign
from toolkit.models.tensors import read_tensors, write_tensors

OPENAI = {  # Hugging Face's words for OpenAI's, as written out in the two programs
    "layers": "blocks",
    "fc1": "mlp.0",
    "fc2": "mlp.2",
    "final_layer_norm": "mlp_ln",
    "self_attn.q_proj": "attn.query",
    "self_attn.k_proj": "attn.key",
    "self_attn.v_proj": "attn.value",
    "self_attn.out_proj": "attn.out",
    "self_attn_layer_norm": "attn_ln",
    "encoder_attn.q_proj": "cross_attn.query",
    "encoder_attn.k_proj": "cross_attn.key",
    "encoder_attn.v_proj": "cross_attn.value",
    "encoder_attn.out_proj": "cross_attn.out",
    "encoder_attn_layer_norm": "cross_attn_ln",
    "embed_tokens": "token_embedding",
    "embed_positions.weight": "positional_embedding",
}


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny Whisper whose every tensor is random, biases and norms too, and whose values float16 holds exactly."""
    folder = tiny_whisper_folder(tmp_path_factory.mktemp("whisper") / "hf", layers=2, decoder_layers=3)
    generator = torch.Generator().manual_seed(7)
    tensors = {
        name: torch.randn(t.shape, generator=generator).half().float()
        for name, t in read_tensors(folder / "model.safetensors").items()
    }
    write_tensors(folder / "model.safetensors", tensors, {"format": "pt"})
    return folder


def ggml_name(name: str) -> str:
    name = name.removeprefix("model.")
    for ours, theirs in OPENAI.items():
        name = name.replace(ours, theirs)
    return name.replace("encoder.layer_norm", "encoder.ln_post").replace("decoder.layer_norm", "decoder.ln")


def write_ggml(path: Path, folder: Path, half: bool = True) -> Path:
    """The file that whisper.cpp's converter would write: matrices in float16, vectors in float32."""
    c = read_json(folder / "config.json")
    sizes = [c["vocab_size"], 1500, c["d_model"], 2, c["encoder_layers"], 448, c["d_model"], 2, c["decoder_layers"]]
    data = struct.pack("<I", 0x67676D6C) + struct.pack("<11i", *sizes, c["num_mel_bins"], int(half))
    data += struct.pack("<2i", c["num_mel_bins"], 201) + bytes(4 * 201 * c["num_mel_bins"])
    words = [b"!", "كلمة".encode(), b"\xd9"]
    data += struct.pack("<i", len(words)) + b"".join(struct.pack("<i", len(w)) + w for w in words)
    for name, tensor in read_tensors(folder / "model.safetensors").items():
        x = tensor.numpy()
        if "conv" in name and name.endswith("bias"):
            x = x.reshape(-1, 1)
        small = half and x.ndim > 1 and "positions" not in name and not name.endswith("bias")
        theirs = ggml_name(name).encode()
        data += struct.pack(f"<3i{x.ndim}i", x.ndim, len(theirs), int(small), *reversed(x.shape)) + theirs
        data += x.astype("<f2" if small else "<f4").tobytes()
    path.write_bytes(data)
    return path


def write_ctranslate2(path: Path, folder: Path, half: bool = True, key_bias: float = 0.0) -> Path:
    """The model.bin that CTranslate2's converter would write, after its description of the format."""
    t = {name: x.numpy() for name, x in read_tensors(folder / "model.safetensors").items()}
    c = read_json(folder / "config.json")
    arrays: dict[str, np.ndarray] = {f"{s}/num_heads": np.int16(2) for s in ("encoder", "decoder")}
    arrays |= {"decoder/activation": np.int8(3), "decoder/pre_norm": np.int8(1), "decoder/scale_embeddings": np.int8(0)}
    arrays |= {
        "decoder/alignment_heads": np.int16(1),
        "decoder/embeddings/weight": t["model.decoder.embed_tokens.weight"],
    }
    for i in (1, 2):
        arrays |= {f"encoder/conv{i}/{w}": t[f"model.encoder.conv{i}.{w}"] for w in ("weight", "bias")}

    def norm(to: str, of: str) -> None:
        arrays[f"{to}/gamma"], arrays[f"{to}/beta"] = t[f"{of}.weight"], t[f"{of}.bias"]

    def linear(to: str, *of: str) -> None:
        arrays[f"{to}/weight"] = np.concatenate([t[f"{name}.weight"] for name in of])
        biases = [t.get(f"{name}.bias", np.full(c["d_model"], key_bias, np.float32)) for name in of]
        arrays[f"{to}/bias"] = np.concatenate(biases)

    for side in ("encoder", "decoder"):
        arrays[f"{side}/position_encodings/encodings"] = t[f"model.{side}.embed_positions.weight"]
        norm(f"{side}/layer_norm", f"model.{side}.layer_norm")
        for i in range(c[f"{side}_layers"]):
            to, of = f"{side}/layer_{i}", f"model.{side}.layers.{i}"
            norm(f"{to}/self_attention/layer_norm", f"{of}.self_attn_layer_norm")
            linear(f"{to}/self_attention/linear_0", *(f"{of}.self_attn.{x}_proj" for x in "qkv"))
            linear(f"{to}/self_attention/linear_1", f"{of}.self_attn.out_proj")
            norm(f"{to}/ffn/layer_norm", f"{of}.final_layer_norm")
            linear(f"{to}/ffn/linear_0", f"{of}.fc1")
            linear(f"{to}/ffn/linear_1", f"{of}.fc2")
            if side == "decoder":
                norm(f"{to}/attention/layer_norm", f"{of}.encoder_attn_layer_norm")
                linear(f"{to}/attention/linear_0", f"{of}.encoder_attn.q_proj")
                linear(f"{to}/attention/linear_1", *(f"{of}.encoder_attn.{x}_proj" for x in "kv"))
                linear(f"{to}/attention/linear_2", f"{of}.encoder_attn.out_proj")

    def string(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    data = struct.pack("<I", 6) + string("WhisperSpec") + struct.pack("<2I", 3, len(arrays))
    for name, x in sorted(arrays.items()):
        x = np.asarray(x)
        if x.dtype == np.float32 and half:
            x = x.astype(np.float16)
        kind = {"float32": 0, "int8": 1, "int16": 2, "float16": 4}[x.dtype.name]
        data += string(name) + struct.pack(f"<B{x.ndim}IBI", x.ndim, *x.shape, kind, x.nbytes) + x.tobytes()
    data += struct.pack("<I", 1) + string("decoder/projection/weight") + string("decoder/embeddings/weight")
    path.write_bytes(data)
    return path


WRITERS = {"ggml": write_ggml, "CTranslate2": write_ctranslate2}


@pytest.mark.parametrize("half", [True, False], ids=["float16", "float32"])
@pytest.mark.parametrize("kind", WRITERS)
def test_every_bit_of_a_whisper_comes_back(kind: str, half: bool, whisper: Path, tmp_path: Path) -> None:
    converted = convert(WRITERS[kind](tmp_path / "w.bin", whisper, half), whisper, tmp_path / "hf")
    assert converted.kind == kind
    wanted, got = (read_tensors(folder / "model.safetensors") for folder in (whisper, tmp_path / "hf"))
    assert wanted.keys() == got.keys() and "proj_out.weight" not in got
    assert all(torch.equal(got[name], wanted[name]) and got[name].dtype == torch.float32 for name in wanted)


@pytest.mark.parametrize("kind", WRITERS)
def test_transformers_loads_the_folder_without_a_missing_or_unexpected_key(
    kind: str, whisper: Path, tmp_path: Path
) -> None:
    convert(WRITERS[kind](tmp_path / "w.bin", whisper), whisper, tmp_path / "hf")
    load = WhisperForConditionalGeneration.from_pretrained
    (ours, report), theirs = load(tmp_path / "hf", output_loading_info=True), load(whisper)
    assert not any(report.values()), report
    mel = torch.randn(1, 80, 3000, generator=torch.Generator().manual_seed(1))
    tokens = torch.tensor([[1, 2, 3]])
    with torch.no_grad():
        assert torch.equal(ours(mel, decoder_input_ids=tokens).logits, theirs(mel, decoder_input_ids=tokens).logits)


@pytest.mark.parametrize("quantization", ["float32", "float16"])
def test_what_ctranslate2_itself_has_written_comes_back(quantization: str, whisper: Path, tmp_path: Path) -> None:
    converters = pytest.importorskip("ctranslate2.converters")
    converters.TransformersConverter(str(whisper)).convert(str(tmp_path / "ct2"), quantization=quantization)
    got = read_foreign(tmp_path / "ct2/model.bin").tensors
    wanted = read_tensors(whisper / "model.safetensors")
    assert wanted.keys() == got.keys() and all(torch.equal(got[name], wanted[name]) for name in wanted)


def test_variables_that_ctranslate2_wrote_once_because_they_are_equal_come_back_each(tmp_path: Path) -> None:
    converters = pytest.importorskip("ctranslate2.converters")
    whisper = tiny_whisper_folder(tmp_path / "hf")  # its norms and biases are still ones and zeros
    converters.TransformersConverter(str(whisper)).convert(str(tmp_path / "ct2"))
    convert(tmp_path / "ct2/model.bin", whisper, tmp_path / "back")
    wanted, got = (read_tensors(folder / "model.safetensors") for folder in (whisper, tmp_path / "back"))
    assert wanted.keys() == got.keys() and all(torch.equal(got[name], wanted[name]) for name in wanted)


def test_quantised_weights_are_refused(whisper: Path, tmp_path: Path) -> None:
    data = bytearray(write_ggml(tmp_path / "q.bin", whisper).read_bytes())
    data[44:48] = struct.pack("<i", 8)  # q5_1
    (tmp_path / "q.bin").write_bytes(data)
    with pytest.raises(UserError, match="quantised weights"):
        read_foreign(tmp_path / "q.bin")
    converters = pytest.importorskip("ctranslate2.converters")
    converters.TransformersConverter(str(whisper)).convert(str(tmp_path / "ct2"), quantization="int8")
    with pytest.raises(UserError, match="quantised weights"):
        read_foreign(tmp_path / "ct2/model.bin")


def test_a_bias_of_the_keys_is_refused_not_lost(whisper: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="bias for the keys"):
        read_foreign(write_ctranslate2(tmp_path / "w.bin", whisper, key_bias=0.5))


def test_a_tokenizer_of_another_whisper_is_refused(whisper: Path, tmp_path: Path) -> None:
    narrow = tiny_whisper_folder(tmp_path / "other", d=32)
    with pytest.raises(UserError, match=r"of another Whisper than the weights: d_model 32, not 16"):
        convert(write_ggml(tmp_path / "w.bin", whisper), narrow, tmp_path / "hf")
    assert not (tmp_path / "hf").exists()


def test_a_folder_without_a_tokenizer_and_one_that_holds_a_model_are_refused(whisper: Path, tmp_path: Path) -> None:
    file = write_ggml(tmp_path / "w.bin", whisper)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no tokenizer\.json in a Whisper folder"):
        convert(file, tmp_path / "empty", tmp_path / "hf")
    before = (whisper / "config.json").read_bytes()
    with pytest.raises(UserError, match="a model is already here"):
        convert(file, whisper, whisper)
    assert (whisper / "config.json").read_bytes() == before


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_cut_off_anywhere_is_damaged_and_nothing_is_written(kind: str, whisper: Path, tmp_path: Path) -> None:
    whole = WRITERS[kind](tmp_path / "w.bin", whisper).read_bytes()
    ends = {0, 3, 4, 20, 30, 48, 52, len(whole) // 2, len(whole) - 1}
    for end in sorted(ends | set(range(70, len(whole), len(whole) // 40))):
        (tmp_path / "cut.bin").write_bytes(whole[:end])
        with pytest.raises(UserError):
            convert(tmp_path / "cut.bin", whisper, tmp_path / "hf")
    assert not (tmp_path / "hf").exists()


@pytest.mark.parametrize("kind", WRITERS)
def test_whatever_byte_of_the_beginning_is_damaged_no_traceback_and_no_great_memory(
    kind: str, whisper: Path, tmp_path: Path
) -> None:
    whole = WRITERS[kind](tmp_path / "w.bin", whisper).read_bytes()
    heads = range(60) if kind == "ggml" else range(400)
    wanted = read_tensors(whisper / "model.safetensors")
    for at in heads:
        for value in (0, 0xFF, whole[at] ^ 1):
            (tmp_path / "bad.bin").write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            try:
                got = read_foreign(tmp_path / "bad.bin")
            except UserError:
                continue
            assert got.tensors.keys() == wanted.keys()  # a byte that no weight depends on, or one of a weight


def test_nan_in_the_weights_is_refused(whisper: Path, tmp_path: Path) -> None:
    path = write_ggml(tmp_path / "w.bin", whisper)
    path.write_bytes(path.read_bytes()[:-2] + b"\xff\x7f")
    with pytest.raises(UserError, match="no finite number"):
        read_foreign(path)


def test_another_network_of_ctranslate2_and_another_file_are_named(tmp_path: Path, whisper: Path) -> None:
    (tmp_path / "x").write_bytes("نص عربي".encode() * 100)
    with pytest.raises(UserError, match="neither a ggml file nor"):
        read_foreign(tmp_path / "x")
    with pytest.raises(UserError, match="no such file"):
        read_foreign(tmp_path / "nowhere")


def test_the_command_says_what_it_wrote_and_a_mistake_without_a_traceback(
    whisper: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_ggml(tmp_path / "w.bin", whisper)
    main([str(file), "--tokenizer", str(whisper), "--out", str(tmp_path / "hf")])
    parameters = sum(t.numel() for t in read_tensors(whisper / "model.safetensors").values())
    assert f"{parameters:,} parameters, exact, from ggml" in capsys.readouterr().out
    assert json.loads((tmp_path / "hf/source.json").read_text())["file"] == "w.bin"
    with pytest.raises(SystemExit) as end:
        main([str(file), "--tokenizer", str(whisper), "--out", str(tmp_path / "hf")])
    assert end.value.code == 1 and "a model is already here" in capsys.readouterr().err


def test_a_folder_that_a_killed_conversion_left_is_finished(whisper: Path, tmp_path: Path) -> None:
    file = write_ggml(tmp_path / "w.bin", whisper)
    convert(file, whisper, tmp_path / "hf")
    (tmp_path / "hf/model.safetensors").unlink()
    convert(file, whisper, tmp_path / "hf")
    assert (tmp_path / "hf/model.safetensors").is_file()
    (tmp_path / "hf/model.safetensors").unlink()
    (tmp_path / "hf/source.json").unlink()  # a config.json that is somebody's own
    write_json(tmp_path / "hf/config.json", {"mine": 1})
    with pytest.raises(UserError, match="already"):
        convert(file, whisper, tmp_path / "hf")
