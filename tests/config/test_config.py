"""The configuration file: every fault by line and key, and a template that changes nothing."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.config.reading import ConfigError, around, parse, read, schema
from core.config.template import template
from core.settings import Settings, limits
from core.tomlfile import lines_of
from tests.fleet import until

if TYPE_CHECKING:
    from tests.fleet import Fleet


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "c.toml")
    return str(caught.value).split("\n")


def test_no_file_is_all_defaults(tmp_path: Path) -> None:
    assert read(tmp_path / "none.toml") == Settings()


def test_the_template_is_the_defaults_and_every_line_of_it_is_valid() -> None:
    assert parse(template(), "t") == Settings()
    used = "\n".join(re.sub(r"^# (?=(\w+ = |\[))", "", line) for line in template().splitlines())
    assert parse(used, "t").engine == replace(Settings().engine, slots=8), "what has no default shows an example"
    assert "agent" in used


def test_all_faults_are_told_at_once_each_with_line_key_and_what_is_expected() -> None:
    text = '[engine]\nslots = "many"\nslotz = 3\nlog_size = "12 furlongs"\n\n[task.retry]\nfactor = 0.5\n[consol]\n'
    assert faults(text) == [
        "c.toml:2: engine.slots: expected a whole number, found 'many'",
        "c.toml:3: engine.slotz: unknown key 'slotz': did you mean slots?",
        "c.toml:4: engine.log_size: '12 furlongs' is not a size: write 4096, 64K, 16M or 2G",
        "c.toml:7: task.retry.factor: expected at least 1, found 0.5",
        "c.toml:8: consol: unknown key 'consol': did you mean console?",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[agent.x]\nslots = -1\n", "c.toml:2: agent.x.slots: expected at least 0, found -1"),
        ('[agent."a b"]\nslots = 1\n', "c.toml:1: agent.a b: expected a name of up to 64 letters"),
        ("[group.g]\nlimit = true\n", "c.toml:2: group.g.limit: expected a whole number, found True"),
        (
            'engine = { durability = "soft" }\n',
            "c.toml:1: engine.durability: expected 'full' or 'normal', found 'soft'",
        ),
        ("[engine]\nslots = 1\nslots = 2\n", "c.toml:3: not valid TOML"),
        ("[engine\n", "c.toml:1: not valid TOML"),
        ("x = 1979-05-27\n", "c.toml:1: x: unknown key"),
        ('[agent.x]\nkind = "claud"\n', "c.toml:2: agent.x.kind: unknown kind 'claud': did you mean claude?"),
        ('[agent.x]\nmodel = "opus"\n', "c.toml:2: agent.x.model: is for agents that take prompts"),
        ('[agent.x]\nkind = "custom"\n', "c.toml:1: agent.x.command: expected the program of the agent"),
        ('[agent.x]\ncapabilities = ["a b"]\n', "c.toml:2: agent.x.capabilities: 'a b' is not a word"),
        (
            '[agent.x]\nkind = "codex"\nlimit.cost = 1.5\n',
            "c.toml:3: agent.x.limit.cost: Codex cannot be told what a run may cost",
        ),
        ('[agent.local]\ncommand = ["nice"]\n', "c.toml:2: agent.local.command: the local agent"),
    ],
)
def test_a_fault_in_words(text: str, fault: str) -> None:
    assert faults(text)[0].startswith(fault)


def test_a_file_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / "c.toml")


def test_numbers_may_be_written_as_text() -> None:
    settings = parse('[engine]\nlog_size = "1M"\nstuck_after = "1h30m"\nage_step = 60\n', "t")
    assert (settings.engine.log_size, settings.engine.stuck_after, settings.engine.age_step) == (1 << 20, 5400.0, 60.0)


def test_lines_of_keys_are_found_however_they_are_written() -> None:
    text = '[a]\nb = 1\n"c.d" = 2\ne.f = 3\n[ g . "h" ]\ni = { j = 1 }\n[[k]]\nl = 1\n[[k]]\nl = 2\n'
    assert lines_of(text) == {
        ("a",): 1, ("a", "b"): 2, ("a", "c.d"): 3, ("a", "e", "f"): 4, ("g", "h"): 5, ("g", "h", "i"): 6, ("k",): 7,
        ("k", "0"): 7, ("k", "0", "l"): 8, ("k", "1"): 9, ("k", "1", "l"): 10,
    }  # fmt: skip


def test_the_schema_names_every_setting() -> None:
    assert set(schema()["properties"]) == {"engine", "task", "console", "agent", "group"}


def test_an_edit_counts_as_it_is_saved_and_a_faulty_one_keeps_the_last_good(fleet: Fleet) -> None:
    fleet.ask("status")
    fleet.home.config.write_text("[engine]\nslots = 7\n[agent.build]\nslots = 2\n")
    until(lambda: fleet.ask("stats")["slots"] == 7, "the new number of slots counts")
    assert "build" in {agent["name"] for agent in fleet.ask("agents")["agents"]}
    fleet.home.config.write_text('[engine]\nslots = "x"\n')
    until(lambda: fleet.ask("stats")["problems"], "the fault is told")
    assert fleet.ask("stats")["slots"] == 7
    assert "slots" in fleet.ask("stats")["problems"][0]
    fleet.home.config.write_text("[engine]\nslots = 5\n")
    until(lambda: fleet.ask("stats")["slots"] == 5 and not fleet.ask("stats")["problems"], "it is mended")


def test_an_agent_of_the_file_runs_its_tasks_by_its_own_words(make_fleet) -> None:
    fleet = make_fleet('[engine]\nslots = 4\n[agent.wrapped]\nslots = 1\ncommand = ["env", "WRAPPED=yes"]\n')
    one, two = fleet.shell("echo $WRAPPED; sleep 0.3", agent="wrapped"), fleet.shell("echo $WRAPPED", agent="wrapped")
    fleet.running(one)
    assert fleet.state(two) == "queued", "it has one slot"
    assert fleet.wait(one, two) == ["succeeded", "succeeded"]
    assert fleet.log(one) == fleet.log(two) == b"yes\r\n"


def test_an_engine_with_a_faulty_file_does_not_start_and_says_why(make_fleet) -> None:
    fleet = make_fleet("[engine]\nslots = -3\n")
    told = fleet.muxdeck("ls")
    assert told.returncode == 5
    assert "engine.slots: expected at least 0, found -3" in told.stderr


def test_lines_within_texts_are_no_keys_and_no_tables() -> None:
    text = (
        'a = """\n[no.table]\nb = 1 # "\n"""\n[t] # it\'s\nc = "q # \'\'\'"\n'
        "d = '''\ne = 1\n'''\n\"g.h\" = 1\ni.j = 2\n"
    )
    lines = {("a",): 1, ("t",): 5, ("t", "c"): 6, ("t", "d"): 7, ("t", "g.h"): 10, ("t", "i", "j"): 11}
    assert lines_of(text) == lines


def test_each_agent_has_its_own_slots_and_commands_as_many_as_there_are_cores() -> None:
    cores = os.cpu_count() or 1
    found = limits(parse('[agent.ada]\nkind = "claude"\nslots = 7\n', "c.toml"))
    assert (found.slots, {one.name: one.slots for one in found.agents}) == (0, {"local": cores, "ada": 7})
    found = limits(parse('[engine]\nslots = 3\n[agent.ada]\nkind = "claude"\n', "c.toml"))
    assert (found.slots, {one.name: one.slots for one in found.agents}) == (3, {"local": 0, "ada": 1})


def test_what_may_edit_is_told_so_where_its_kind_can_be(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    assert parse('[agent.ada]\nkind = "claude"\nedits = true\n', str(config)).agent["ada"].edits
    assert faults('[agent.ada]\nkind = "custom"\ncommand = ["x"]\nedits = true\n') == [
        "c.toml:4: agent.ada.edits: Any program cannot be told: say it in its options"
    ]
    assert faults("[agent.ada]\nedits = true\n") == ["c.toml:2: agent.ada.edits: is for agents that take prompts"]


def test_faults_of_the_files_beside_it_are_told_by_file_and_line(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    for folder, text in (("kinds", 'title = "X"\nwrong = 1\n'), ("screens", 'turn = "("\n')):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.toml").write_text(text)
    told = [str(fault) for fault in around(config)]
    assert any(f"{tmp_path}/kinds/mine.toml:2: wrong: unknown key" in fault for fault in told)
    assert any(f"{tmp_path}/screens/mine.toml:1: turn: not a pattern" in fault for fault in told)
    with pytest.raises(ConfigError, match=r"kinds/mine\.toml has faults"):
        parse('[agent.ada]\nkind = "mine"\n', str(config))
