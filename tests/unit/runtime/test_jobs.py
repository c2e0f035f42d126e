"""Jobs, results and the errors they become."""

import pickle

import pytest

from spyoncino.errors import (
    JobExpiredError,
    JobFailedError,
    JobRejectedError,
    StaleFrameError,
)
from spyoncino.runtime.jobs import Job, JobResult, Outcome, Priority, TaskSpec, family_error


def test_result_of_a_done_job_unwraps_to_its_value() -> None:
    result = JobResult("a-1", Outcome.DONE, value=[1, 2])

    assert result.success
    assert result.unwrap() == [1, 2]


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Outcome.EXPIRED, JobExpiredError),
        (Outcome.REJECTED, JobRejectedError),
        (Outcome.CANCELLED, JobRejectedError),
        (Outcome.FAILED, JobFailedError),
    ],
)
def test_every_other_end_unwraps_to_its_own_error(outcome: Outcome, error: type[Exception]) -> None:
    result = JobResult("a-1", outcome, error="It did not work.")

    assert not result.success
    with pytest.raises(error, match=r"It did not work\."):
        result.unwrap()


def test_failed_result_keeps_the_family_of_what_the_task_raised_as_cause() -> None:
    result = JobResult("a-1", Outcome.FAILED, error="Gone.", error_type="StaleFrameError")

    with pytest.raises(JobFailedError) as caught:
        result.unwrap()

    assert isinstance(caught.value.__cause__, StaleFrameError)


@pytest.mark.parametrize("name", ["ValueError", "", "__doc__", "annotations"])
def test_names_outside_the_family_make_no_family_error(name: str) -> None:
    assert family_error(name, "text") is None


def test_job_is_continuous_and_retried_three_times_unless_told_otherwise() -> None:
    job = Job("objects")

    assert (job.priority, job.max_retries, job.retry_delay_s) == (Priority.CONTINUOUS, 3, 1.0)


def test_press_is_the_most_urgent_priority() -> None:
    assert min(Priority) is Priority.PRESS


def test_task_specs_travel_to_other_processes() -> None:
    spec = TaskSpec("objects", "package.module:build", {"model": "nanodet"}, timeout_s=2.0)

    assert pickle.loads(pickle.dumps(spec)) == spec  # noqa: S301 - our own bytes
