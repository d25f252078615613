"""Finding a model's local folder, with a download from the Hugging Face hub if necessary."""

import os
from pathlib import Path

from pkd.errors import DiskFull, HubUnreachable, InputError
from pkd.files.atomic import explained_full_disk
from pkd.models.model_folder import check_model_folder


def fetch_model(source: str) -> Path:
    """Returns the local folder of a model, after a download if ``source`` is a hub id.

    Raises:
        InputError: if a local folder does not exist, or the folder holds no whole model.
        DiskFull: if the disk has no room for a download.
        HubUnreachable: if the hub is necessary and does not answer.
    """
    if os.path.isdir(source):
        folder = Path(source).resolve()
    else:
        if os.path.isabs(source) or source.startswith(".") or os.path.exists(source):
            raise InputError(f"model folder {source} does not exist, or is not a folder")
        folder = _download(source)
    check_model_folder(folder)
    return folder


def _download(source: str) -> Path:
    from huggingface_hub import constants, snapshot_download

    wanted = ["*.json", "*.txt", "*.model", "*.safetensors"]
    try:
        with explained_full_disk(Path(constants.HF_HUB_CACHE)):
            return Path(snapshot_download(source, allow_patterns=wanted))
    except DiskFull:
        raise
    except Exception as error:  # the hub's client raises a dozen types for "no answer"
        raise HubUnreachable(
            f"cannot load the model {source} from the Hugging Face hub "
            f"({type(error).__name__}). Give a local folder with --model DIR "
            "(config.json, *.safetensors and the tokenizer's files)"
        ) from error
