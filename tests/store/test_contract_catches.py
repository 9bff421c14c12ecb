"""The contract catches a deliberate fault in each promise of the store, on a real mongod."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from ase import Atoms

from al_loop.store import Store

from . import faulty, faulty_progress, test_contract

pytestmark = pytest.mark.engine

CAUGHT: list[tuple[str, type[Any], str]] = [
    ("frames", faulty.FramesInSinglePrecision, "test_a_frame_keeps_every_bit"),
    ("frames", faulty.FramesInAnyOrder, "test_a_frame_keeps_every_bit"),
    (
        "frames",
        faulty.LastFrameWins,
        "test_the_first_order_of_atoms_stays_because_forces_follow_it",
    ),
    ("frames", faulty.FindsItsOwnHash, "test_a_frame_under_a_foreign_hash_is_refused"),
    ("labels", faulty.LabelsInSinglePrecision, "test_a_label_keeps_every_bit"),
    ("labels", faulty.LabelsOfAnyMethod, "test_labels_of_another_method_are_others"),
    ("labels", faulty.LastLabelWins, "test_the_first_ok_label_stays"),
    ("labels", faulty.StopsAtTheFirstDuplicate, "test_the_first_ok_label_stays"),
    ("labels", faulty.LastFailureWins, "test_a_failed_label_never_replaces_an_ok_one"),
    ("labels", faulty.FailedForEver, "test_an_ok_label_replaces_a_failed_one"),
    ("labels", faulty.FreesFromQuarantine, "test_a_quarantined_label_stays_so"),
    (
        "labels",
        faulty.ReleasesWhatIsNotThere,
        "test_a_label_in_quarantine_keeps_its_numbers_and_is_released_once",
    ),
    (
        "labels",
        faulty.SettlesForAnyone,
        "test_a_label_that_is_computed_again_takes_the_place_of_the_first_once",
    ),
    ("relabels", faulty.LastRelabelWins, "test_second_labels_are_kept_beside_the_first"),
    ("labels", faulty.CountsGoodLabelsOnly, "test_labels_are_counted_with_what_they_cost"),
    ("selections", faulty.SelectionsInSinglePrecision, "test_a_selection_comes_back"),
    ("selections", faulty.OneCampaignAFrame, "test_a_selection_comes_back"),
    ("selections", faulty.LastSelectionWins, "test_the_first_selection_of_a_frame_stays"),
    ("methods", faulty.RoundsFingerprints, "test_a_method_is_found_under_its_fingerprint"),
    ("models", faulty.CutsNamesAtDots, "test_a_model_comes_back"),
    ("models", faulty.LastModelWins, "test_the_first_good_model_stays"),
    ("training_sets", faulty.KeepsTheOrderGiven, "test_a_training_set_of_any_size_comes_back"),
    ("training_sets", faulty.ForgetsTheMethod, "test_a_training_set_of_any_size_comes_back"),
    (
        "training_sets",
        faulty.ForgetsWhoWaits,
        "test_a_training_set_has_its_parents_frames_and_its_own",
    ),
    (
        "training_sets",
        faulty.ForgetsTheGrandparents,
        "test_a_training_set_has_its_parents_frames_and_its_own",
    ),
    ("walks", faulty.WalksInSinglePrecision, "test_a_walk_of_any_length_keeps_every_bit"),
    ("walks", faulty.LastWalkWins, "test_the_first_walk_of_a_walker_stays"),
    ("quenches", faulty.LastQuenchWins, "test_the_first_end_of_a_melt_quench_stays"),
    ("quenches", faulty.QuenchesInAnyOrder, "test_the_first_end_of_a_melt_quench_stays"),
    ("glasses", faulty.LastGlassWins, "test_a_glass_and_what_was_measured_of_it_come_back"),
    ("glasses", faulty.LastMeasured, "test_a_glass_and_what_was_measured_of_it_come_back"),
    ("iterations", faulty.PlansAgainForAll, "test_a_stage_is_planned_again_by_one_of_many"),
    ("campaigns", faulty.ForgetsTheSpec, "test_a_campaign_comes_back_whatever_its_keys"),
    ("campaigns", faulty.CreatesAnew, "test_a_campaign_is_created_once"),
    ("campaigns", faulty.LastEndWins, "test_the_end_of_a_campaign_is_its_first_end"),
    (
        "campaigns",
        faulty.ChangesNothingInSilence,
        "test_a_campaign_that_is_not_there_cannot_change",
    ),
    *(
        (
            "campaigns",
            fault,
            "test_a_lease_has_one_owner_until_it_is_given_back_or_runs_out",
        )
        for fault in (faulty.LeasesToAll, faulty.LeasesForEver, faulty.TakesBackFromAll)
    ),
    ("iterations", faulty.OpensAnew, "test_an_iteration_opens_once"),
    ("iterations", faulty.BeginsAtTheEnd, "test_an_iteration_opens_once"),
    ("iterations", faulty.OpensIfItSawNone, "test_of_two_that_open_at_once_one_wins"),
    ("iterations", faulty.MovesFromAnywhere, "test_an_iteration_moves_once"),
    ("iterations", faulty.StaysPlanned, "test_an_iteration_moves_once"),
    ("iterations", faulty.MovesIfItSawTheStage, "test_of_two_that_move_at_once_one_wins"),
    ("iterations", faulty.ReplacesWhatWasMeasured, "test_an_iteration_keeps_what_was_measured"),
    ("jobs", faulty.AlwaysDone, "test_a_job_is_done_once_and_can_be_reopened"),
    ("jobs", faulty.CountsDoneJobsAsDue, "test_a_job_is_done_once_and_can_be_reopened"),
    ("jobs", faulty.NeverReopens, "test_a_job_is_done_once_and_can_be_reopened"),
    ("jobs", faulty.DoneIfItSawDue, "test_of_two_that_finish_a_job_at_once_one_wins"),
    ("jobs", faulty.LastJobWins, "test_a_job_that_is_put_again_stays_as_it_is"),
    ("jobs", faulty.ForgetsDoneJobs, "test_a_job_that_is_put_again_stays_as_it_is"),
    (
        "campaigns",
        faulty_progress.AdoptsAtOnce,
        "test_what_is_put_off_holds_from_the_next_iteration_on",
    ),
    (
        "campaigns",
        faulty_progress.AdoptsForEver,
        "test_what_is_put_off_holds_from_the_next_iteration_on",
    ),
    (
        "iterations",
        faulty_progress.FreezesAnew,
        "test_figures_are_frozen_by_whoever_is_first",
    ),
    *(
        ("jobs", fault, "test_a_job_that_is_given_up_is_neither_due_nor_done_until_reopened")
        for fault in (faulty_progress.GivesUpDoneJobs, faulty_progress.ForgetsLastWords)
    ),
    ("jobs", faulty_progress.CallsAllLate, "test_late_jobs_are_those_of_earlier_iterations"),
    (
        "selections",
        faulty_progress.DropsInSilence,
        "test_a_frame_that_is_no_longer_wanted_is_not_counted",
    ),
    ("events", faulty.EventsAsTheyCame, "test_events_come_back_in_order"),
    ("events", faulty.NewestFirst, "test_events_come_back_in_order"),
    ("events", faulty.EventsOfAll, "test_events_come_back_in_order"),
]


@pytest.mark.parametrize(("room", "fault", "check"), CAUGHT)
def test_contract_catches(
    room: str, fault: type[Any], check: str, store: Store, frames: dict[str, Atoms]
) -> None:
    client = store.labels.table.client
    files = {"files": store.files} if "files" in inspect.signature(fault).parameters else {}
    setattr(store, room, fault(client, **files))
    method: Callable[..., None] = getattr(test_contract.TestStore(), check)
    given = {"store": store, "frames": frames}
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        method(**{name: given[name] for name in inspect.signature(method).parameters})


def test_every_check_of_the_contract_catches_something() -> None:
    checks = {name for name in dir(test_contract.TestStore) if name.startswith("test_")}
    assert checks == {check for _, _, check in CAUGHT}
