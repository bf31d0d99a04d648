"""A signed link opens one job for a time, and nothing can be made of it that opens more."""

import subprocess
import sys
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import Engine

from serving.access.links import LinkSigner, path_of
from serving.errors import NotAllowed
from serving.settings import Settings
from tests.serving.jobs.conftest import Submit

JOB = UUID("5b0f6f5e-7a55-4f5c-9a51-0f9b6d1c0a01")
NOW_S, WEEK_S = 1_800_000_123.0, 7 * 24 * 3600.0
OLD, NEW = "an old secret of ours", "a new secret of ours"


def signed(signer: LinkSigner, job_id: UUID = JOB) -> tuple[str, str]:
    query = parse_qs(signer.sign(job_id, NOW_S) or "")
    return query["expires"][0], query["signature"][0]


def test_a_link_opens_its_job_for_its_lifetime_and_not_after() -> None:
    signer = LinkSigner([NEW], WEEK_S)
    expires, signature = signed(signer)
    signer.check(JOB, expires, signature, NOW_S + WEEK_S)
    signer.check(JOB, expires, signature, int(expires) - 0.1)
    assert int(expires) - NOW_S - WEEK_S < 3600
    with pytest.raises(NotAllowed, match="expired"):
        signer.check(JOB, expires, signature, float(expires))


def test_a_link_opens_no_other_job() -> None:
    signer = LinkSigner([NEW], WEEK_S)
    with pytest.raises(NotAllowed, match="not whole"):
        signer.check(uuid4(), *signed(signer), NOW_S)


def test_while_a_secret_is_replaced_links_of_both_open_and_then_the_old_ones_do_not() -> None:
    old = signed(LinkSigner([OLD], WEEK_S))
    LinkSigner([NEW, OLD], WEEK_S).check(JOB, *old, NOW_S)
    assert signed(LinkSigner([NEW, OLD], WEEK_S)) == signed(LinkSigner([NEW], WEEK_S))
    with pytest.raises(NotAllowed):
        LinkSigner([NEW], WEEK_S).check(JOB, *old, NOW_S)


def test_without_a_secret_no_link_is_given_and_none_opens() -> None:
    none = LinkSigner([], WEEK_S)
    assert none.sign(JOB, NOW_S) is None
    assert none.page(JOB, NOW_S) is None
    with pytest.raises(NotAllowed):
        none.check(JOB, *signed(LinkSigner([""], WEEK_S)), NOW_S)


def test_links_given_at_about_the_same_time_are_the_same() -> None:
    signer = LinkSigner([NEW], WEEK_S)
    start = NOW_S - NOW_S % 3600
    assert signer.page(JOB, start + 1) == signer.page(JOB, start + 3599)
    assert (signer.page(JOB, NOW_S) or "").startswith(f"{path_of(JOB)}/page?expires=")


@given(
    st.one_of(st.text(), st.integers().map(str)),
    st.one_of(st.text(), st.text("ABCabc019_-", min_size=43, max_size=43)),
)
def test_nothing_that_was_not_signed_opens(expires: str, signature: str) -> None:
    signer = LinkSigner([NEW, OLD], WEEK_S)
    with pytest.raises(NotAllowed):
        signer.check(JOB, expires, signature, 0.0)


@given(st.integers(0, 42), st.sampled_from("ABCabc019_-"))
def test_every_character_of_a_signature_counts(place: int, other: str) -> None:
    signer = LinkSigner([NEW], WEEK_S)
    expires, signature = signed(signer)
    changed = signature[:place] + other + signature[place + 1 :]
    if changed == signature:
        return
    with pytest.raises(NotAllowed):
        signer.check(JOB, expires, changed, NOW_S)


def test_the_time_cannot_be_moved() -> None:
    signer = LinkSigner([NEW], WEEK_S)
    expires, signature = signed(signer)
    for changed in (str(int(expires) + 1), f"0{expires}", f"{expires} ", f"+{expires}", ""):
        with pytest.raises(NotAllowed, match="not whole"):
            signer.check(JOB, changed, signature, NOW_S)


def test_a_secret_that_could_be_guessed_is_no_setting() -> None:
    with pytest.raises(ValidationError, match="link_secrets"):
        Settings(link_secrets=("short",))
    assert "secret of ours" not in repr(Settings(link_secrets=(NEW,)))


@pytest.mark.slow
def test_the_command_prints_a_link(engine: Engine, settings: Settings, new_job: Submit) -> None:
    del engine
    job_id = new_job()
    command = [
        sys.executable,
        "-m",
        "serving.access.links",
        str(job_id),
        "--base",
        "https://s.test/",
    ]
    env = {"DATABASE_URL": str(settings.database_url), "STUDIO_HOME": str(settings.home())}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "LINK_SECRETS is not set" in done.stderr
    env["LINK_SECRETS"] = f'["{NEW}"]'
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"https://s.test{path_of(job_id)}/page?expires=")
