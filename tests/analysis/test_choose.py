"""The command ``pkd-study choose``: the chosen student and the printed reasons."""

import subprocess
import sys
from pathlib import Path

import pytest

from analysis.choose import main
from pkd.files.cache import write_manifest
from tests.support.runs.fake_benchmark import write_benchmark
from tests.support.runs.fake_run import FakeRun

ROOT = Path(__file__).parents[2]


@pytest.fixture
def scored(fake: FakeRun) -> FakeRun:
    """Means of three seeds: teacher 70, KD of 6 layers 69 and of 3 layers 66, FT 66 and 60.

    `write_benchmark` gives 0.15 ms and 67.0 million to 6 layers, 0.075 ms and 45.7 to 3.
    """
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.7)
    for depth, method, mean in ((6, "kd", 0.69), (6, "ft", 0.66), (3, "kd", 0.66), (3, "ft", 0.6)):
        for seed in range(3):
            fake.trial("confirm", "rte", depth, method, seed, mean + (seed - 1) / 100)
    return fake


def run_choose(run: FakeRun, capsys: pytest.CaptureFixture[str], *limits: str) -> tuple[int, str]:
    """The exit code, and everything that is printed."""
    code = main([str(run.path), "--task", "rte", *limits])
    shown = capsys.readouterr()
    return code, shown.out + shown.err


@pytest.mark.parametrize(
    ("limits", "taken"),
    [
        ("", "KD, 6 layers"),
        ("--max-latency-ms 0.2", "KD, 6 layers"),
        ("--max-latency-ms 0.1", "KD, 3 layers"),
        ("--max-latency-ms 0.075", "KD, 3 layers"),  # equal to the limit
        ("--max-drop 5", "KD, 3 layers"),  # the cheapest is taken
        ("--max-drop 3.9", "KD, 6 layers"),
        ("--max-drop 5 --max-latency-ms 0.2", "KD, 6 layers"),  # the best that is fast enough
        ("--max-parameters 50e6", "KD, 3 layers"),
        ("--max-parameters 45.6e6", None),
        ("--max-drop 2 --max-latency-ms 0.1", None),
    ],
)
def test_the_limits_decide(
    scored: FakeRun, capsys: pytest.CaptureFixture[str], limits: str, taken: str | None
) -> None:
    write_benchmark(scored.path)
    code, text = run_choose(scored, capsys, *limits.split())
    if taken is None:
        assert code == 1 and "no student satisfies --max-" in text
        assert text.count("\n    ") == 4  # each student with its reason
    else:
        assert code == 0 and f"RTE: take {taken}\n" in text


def test_score_latency_size_and_reasons_are_printed(
    scored: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    write_benchmark(scored.path)
    _, text = run_choose(scored, capsys, "--max-latency-ms", "0.1")
    assert "66.0 ± 1.0 (n = 3): accuracy on validation, percent; teacher 70.0 (n = 1)" in text
    assert "drop 4.0" in text
    assert "0.075 ms for one row at a time, 0.25 of the teacher's; A Processor, 2 threads" in text
    assert "45.7 million" in text
    assert "held-out    no held-out rows; the dev score is optimistic" in text
    assert "KD, 6 layers: 69.0 ± 1.0 (n = 3); 0.15 ms per row (--max-latency-ms 0.1)" in text
    assert "FT, 3 layers: 60.0 ± 1.0 (n = 3); costs the same, scores less" in text
    assert "warning" not in text
    assert "--task rte --student kd-3 --to DIR --onnx --int8" in text


def test_a_student_tied_with_the_choice_costs_and_scores_the_same(
    scored: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(3):
        scored.trial("confirm", "rte", 6, "pkd-skip", seed, 0.69 + (seed - 1) / 100)
    _, text = run_choose(scored, capsys)
    end = "; costs the same, scores the same"
    tied = [line for line in text.splitlines() if line.endswith(end)]
    assert len(tied) == 1 and "69.0 ± 1.0 (n = 3)" in tied[0]
    assert "the same dev score: PKD-Skip, 6 layers. The held-out score decides, then" in text


def test_without_measured_times_a_latency_limit_names_the_command(
    scored: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = run_choose(scored, capsys, "--max-latency-ms", "5")
    assert code == 2 and "there is no benchmark.json yet" in text
    assert f"pkd-study benchmark {scored.path} --task rte" in text
    (scored.path / "benchmark.json").write_text("half a")
    code, text = run_choose(scored, capsys, "--max-latency-ms", "5")
    assert code == 2 and "benchmark.json is damaged and not used" in text


def test_without_times_and_sizes_the_layers_are_the_cost(
    scored: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = run_choose(scored, capsys, "--max-drop", "5")
    assert code == 0 and "take KD, 3 layers" in text and "latency     not measured" in text
    code, text = run_choose(scored, capsys, "--max-parameters", "50e6")
    assert code == 2 and "--max-parameters needs the sizes of the models" in text


def test_unfinished_and_constant_students_are_refused(
    scored: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(2):
        scored.trial("confirm", "rte", 6, "pkd-skip", seed, 0.9)
    for seed in range(3):
        scored.trial("confirm", "rte", 3, "pkd-last", seed, 0.8, constant=True)
    code, text = run_choose(scored, capsys)
    assert code == 0 and "take KD, 6 layers" in text
    assert "PKD-Skip, 6 layers: 90.0 ± 0.0 (n = 2); 2 of 3 confirm seeds are complete" in text
    assert (
        "PKD-Last, 3 layers: 80.0 ± 0.0 (n = 3, constant); constant: it predicts a single class"
        in text
    )


def test_a_study_whose_students_are_all_constant_has_none_to_take(
    fake: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "kd", seed, 0.5, constant=True)
    code, text = run_choose(fake, capsys)
    assert code == 1 and "RTE: no student can be taken\n" in text
    assert "if its students are constant, train for more epochs" in text


def test_a_choice_that_is_partly_constant_has_a_warning(
    fake: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.5, constant=True)
    for seed in range(3):
        fake.trial("confirm", "rte", 6, "kd", seed, 0.6, constant=seed == 1)
    code, text = run_choose(fake, capsys)
    assert code == 0 and "60.0 ± 0.0 (n = 3, constant on 1): accuracy" in text
    assert "warning: KD, 6 layers is constant on 1 of 3 seeds (predicts a single class)" in text
    assert "warning: the teacher is constant (predicts a single class)" in text


def test_methods_without_a_shown_difference_are_named(
    fake: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.trial("teachers", "rte", 12, "teacher", 0, 0.9)
    labels = [0, 1] * 50
    for seed in range(3):
        fake.confirm("rte", 6, "ft", seed, labels, [0] * 50 + [1] * 50)
        fake.confirm("rte", 6, "kd", seed, labels, [0] * 20 + [1] * 80)
        fake.confirm("rte", 6, "pkd-skip", seed, labels, [1] * 79 + [0] * 21)
    code, text = run_choose(fake, capsys)
    assert code == 0 and "take KD, 6 layers" in text
    assert "no difference shown on dev (same depth, paired test): PKD-Skip\n" in text


def test_unknown_tasks_and_folders_are_refused(
    fake: FakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = run_choose(fake, capsys)
    assert code == 2 and "holds no confirmed student of rte yet" in text
    assert main([str(fake.path), "--task", "mnli"]) == 2
    assert "--task is 'mnli', but this study has rte\n" in capsys.readouterr().err
    assert main([str(fake.path), "--task", "RTE "]) == 2
    assert "this study has rte; did you mean 'rte'?" in capsys.readouterr().err
    assert main([str(tmp_path / "gone"), "--task", "rte"]) == 2
    assert "is not a run directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", ["--max-drop=-1", "--max-latency-ms=-5", "--max-parameters=nan", "--max-drop=x"]
)
def test_an_invalid_limit_is_refused(
    fake: FakeRun, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(fake.path), "--task", "rte", option])
    assert option.partition("=")[0] in capsys.readouterr().err


def test_neither_torch_nor_ray_is_loaded() -> None:
    code = (
        "import sys, analysis.tables.choice; "
        "print(sorted({'torch', 'transformers', 'ray'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_damaged_student_is_not_chosen(
    scored: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = scored.path / "models" / "rte-6-kd"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    write_manifest(folder, {})
    assert run_choose(scored, capsys)[0] == 0
    (folder / "model.safetensors").write_bytes(b"half")
    code, shown = run_choose(scored, capsys)
    assert code == 2 and "KD, 6 layers, is the student to take, but" in shown
    assert "model.safetensors is missing or has the wrong size" in shown
