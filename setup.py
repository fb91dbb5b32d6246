"""Packaging of Sawt. `make setup` installs the tested versions of tools/requirements.txt instead."""

from setuptools import find_packages, setup

setup(
    name="sawt",
    version="0.1.0",
    description="A recipe toolkit for Arabic speech",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["toolkit", "toolkit.*"]),
    package_data={"toolkit.report": ["*.j2", "*.css", "*.js"], "toolkit.score": ["*.j2", "*.css", "*.js"]},
    install_requires=[
        "torch>=2.11,<2.14",  # newer ones pull several GB of CUDA packages onto a CPU machine
        "numpy>=1.26",
        "transformers>=5.17,<5.24",
        "peft>=0.19",
        "safetensors",
        "kaldiio",
        "soundfile",
        "soxr",
        "pyyaml",
        "setproctitle",
        "rapidfuzz",
        "sentencepiece>=0.2.1",
        "tensorboard",
        "matplotlib",
        "jinja2",
        "scipy",
        "markupsafe",
        "espeakng-loader==0.2.4",
        "pyarrow>=14.0.1",  # older ones run code that a file's schema holds
        "librosa",
        "scikit-learn",
        "jiwer",
        "editdistance",
        "pillow",
    ],
    extras_require={"ctranslate2": ["ctranslate2>=4.6"], "torchaudio": ["torchaudio==2.11.0", "torch==2.11.0"]},
)
