"""In which order cells are searched, and what they inherit."""

from pkd.data.preparation import Prepared
from study.config.study_config import StudyConfig
from study.stages.search_stage import search_stage
from tests.support.studies.contexts import CONFIG, MakeContext, result_of


def test_pkd_waits_for_kd_and_takes_its_temperature_and_alpha(
    rte: Prepared, make_context: MakeContext, ran: list[str]
) -> None:
    search = {"algorithm": "grid", "inherit_from_kd": True, "asha": None}
    config = StudyConfig.model_validate(
        CONFIG.model_dump() | {"search": search, "train": {"epochs": 1}}
    )
    dispatcher = result_of(search_stage(make_context(rte, config=config), {}))
    kd, pkd = dispatcher.searches["rte-2-kd"], dispatcher.searches["rte-2-pkd-skip"]
    assert len(kd.trials) == 27 and len(pkd.trials) == 24
    assert [name.split()[1] for name in ran] == ["rte-2-kd"] * 27 + ["rte-2-pkd-skip"] * 24
    assert kd.winner is not None
    best = kd.trials[kd.winner].settings
    for trial in pkd.trials.values():
        assert trial.settings["temperature"] == best["temperature"]
        assert trial.settings["alpha"] == best["alpha"]
