"""The files that the GLUE server (https://gluebenchmark.com) takes: eleven TSV files in a zip.

The facts and their public sources:

- Names; the header ``index<TAB>prediction``; which files hold words and which hold codes: the
  writers of GLUE's authors (nyu-mll/jiant, ``jiant/scripts/benchmarks/benchmarks.py``;
  nyu-mll/jiant-v1-legacy, ``jiant/evaluate.py``) and of T5
  (google-research/text-to-text-transfer-transformer, ``t5/scripts/prepare_glue_submission.py``).
- Codes of the hub's labels and rows of the test sets: the dataset card of nyu-mll/glue on the
  Hugging Face hub.
- The index of each file starts at 0, and none may be missing: the server answered "not all ids
  present in task" (nyu-mll/GLUE-baselines, issue 14).
- All eleven files must be there and none may be empty, so a task without predictions is filled
  (keras-team/keras-hub, ``examples/glue_benchmark/README.md``); microsoft/FLAML,
  ``flaml/nlp/dataset/submission_auto.py``, fills with one label.
- STS-B: values in 0 … 5 (princeton-nlp/DinkyTrain, issue 2).
- WNLI: the authors of BERT sent the majority class (arXiv 1810.04805, appendix B.1), code 0.
- AX: predicted by the MNLI model (microsoft/DeBERTa, issue 65).
"""

from dataclasses import dataclass, field

_CODES = ("0", "1")


@dataclass(frozen=True)
class ServerFile:
    """One file of a submission.

    Attributes:
        name: Its name without ``.tsv``.
        rows: The number of rows of the test set; their index is 0 … rows - 1.
        filling: Its content without predictions: these values, repeated in turn.
        task: The task of a study whose predictions it takes; None if no study has any.
        split: The test split of that task.
        labels: The label names of the task, each with the text that the server reads.
    """

    name: str
    rows: int
    filling: tuple[str, ...]
    task: str | None = None
    split: str = "test"
    labels: dict[str, str] = field(default_factory=dict)


def _words(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def _coded(zero: str, one: str) -> dict[str, str]:
    return dict(zip((zero, one), _CODES, strict=True))


_MNLI = _words("entailment", "neutral", "contradiction")
_NLI = _words("entailment", "not_entailment")

FILES = (
    ServerFile("CoLA", 1_063, ("0",), "cola", labels=_coded("unacceptable", "acceptable")),
    ServerFile("SST-2", 1_821, ("0",), "sst2", labels=_coded("negative", "positive")),
    ServerFile("MRPC", 1_725, ("0",), "mrpc", labels=_coded("not_equivalent", "equivalent")),
    # Two values, because the correlation with a constant is undefined.
    ServerFile("STS-B", 1_379, ("0.000", "5.000")),
    ServerFile("QQP", 390_965, ("0",), "qqp", labels=_coded("not_duplicate", "duplicate")),
    ServerFile("MNLI-m", 9_796, ("neutral",), "mnli", "test_matched", _MNLI),
    ServerFile("MNLI-mm", 9_847, ("neutral",), "mnli", "test_mismatched", _MNLI),
    ServerFile("QNLI", 5_463, ("not_entailment",), "qnli", labels=_NLI),
    ServerFile("RTE", 3_000, ("not_entailment",), "rte", labels=_NLI),
    ServerFile("WNLI", 146, ("0",), "wnli", labels=_coded("not_entailment", "entailment")),
    ServerFile("AX", 1_104, ("neutral",)),
)
