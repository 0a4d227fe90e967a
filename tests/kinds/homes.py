"""A private home for each agent, in which it knows the scripted model and nothing else."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_CODEX = """
model = "scripted"
model_provider = "scripted"
[model_providers.scripted]
name = "scripted"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "SCRIPTED_KEY"
request_max_retries = 0
stream_max_retries = 0
"""


def environment(kind: str, url: str, home: Path, binaries: Path) -> dict[str, str]:
    """Writes the agent's own settings into `home`, and gives the whole environment it is run with."""
    home.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join([str(binaries), os.environ.get("PATH", os.defpath)])
    plain = {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "TERM": "dumb", "NO_COLOR": "1"}
    return {**plain, **_HOMES[kind](url, home)}


def _claude(url: str, home: Path) -> dict[str, str]:
    (home / ".claude.json").write_text(json.dumps({"hasCompletedOnboarding": True}))
    return {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": "scripted",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "0",
        "DISABLE_AUTOUPDATER": "1",
    }


def _codex(url: str, home: Path) -> dict[str, str]:
    (home / ".codex").mkdir(exist_ok=True)
    (home / ".codex" / "config.toml").write_text(_CODEX.replace("{url}", url))
    return {"CODEX_HOME": str(home / ".codex"), "SCRIPTED_KEY": "scripted"}


def _gemini(url: str, home: Path) -> dict[str, str]:
    (home / ".gemini").mkdir(exist_ok=True)
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"enableAutoUpdate": False, "maxAttempts": 1},
    }
    (home / ".gemini" / "settings.json").write_text(json.dumps(settings))
    return {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": "scripted", "GEMINI_MODEL": "gemini-2.5-pro"}


def _opencode(url: str, home: Path) -> dict[str, str]:
    model: dict[str, Any] = {"name": "scripted", "tool_call": True, "cost": {"input": 10, "output": 20}}
    model["limit"] = {"context": 100_000, "output": 8_000}
    provider: dict[str, Any] = {"npm": "@ai-sdk/openai-compatible", "name": "scripted", "models": {"model": model}}
    provider["options"] = {"baseURL": f"{url}/v1", "apiKey": "scripted"}
    settings: dict[str, Any] = {
        "model": "scripted/model",
        "small_model": "scripted/model",
        "provider": {"scripted": provider},
    }
    settings |= {"autoupdate": False, "share": "disabled", "enabled_providers": ["scripted"]}
    folder = home / ".config" / "opencode"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "opencode.json").write_text(json.dumps(settings))
    return {"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1"}


def _copilot(url: str, home: Path) -> dict[str, str]:
    return {
        "COPILOT_PROVIDER_BASE_URL": f"{url}/v1",
        "COPILOT_PROVIDER_API_KEY": "no-key-at-all",
        "COPILOT_MODEL": "scripted",
        "COPILOT_OFFLINE": "true",
        "COPILOT_HOME": str(home / ".copilot"),
    }


def _aider(url: str, home: Path) -> dict[str, str]:
    prices = {"input_cost_per_token": 10e-6, "output_cost_per_token": 20e-6}
    model = {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 100_000, "max_output_tokens": 8_000}
    (home / "models.json").write_text(json.dumps({"openai/scripted": {**model, **prices}}))
    return {
        "OPENAI_API_BASE": f"{url}/v1",
        "OPENAI_API_KEY": "scripted",
        "AIDER_MODEL": "openai/scripted",
        "AIDER_MODEL_METADATA_FILE": str(home / "models.json"),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }


_HOMES = {
    "claude": _claude,
    "codex": _codex,
    "gemini": _gemini,
    "opencode": _opencode,
    "copilot": _copilot,
    "aider": _aider,
}


def trust(kind: str, home: Path, project: Path) -> None:
    """Adds to a home what spares its full-screen program the questions of a first start in `project`, and makes it
    ask before it runs a command."""
    _TRUST[kind](home, project)


def _changed(path: Path, **settings: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(before | settings))


def _trust_claude(home: Path, project: Path) -> None:
    trust = {str(project): {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}}
    _changed(home / ".claude.json", projects=trust, customApiKeyResponses={"approved": ["scripted"], "rejected": []})


def _trust_codex(home: Path, project: Path) -> None:
    path = home / ".codex" / "config.toml"
    table = f'[projects."{project}"]\ntrust_level = "trusted"\n'
    path.write_text(path.read_text() + table)


def _trust_gemini(home: Path, project: Path) -> None:
    _changed(home / ".gemini" / "trustedFolders.json", **{str(project): "TRUST_FOLDER"})


def _trust_opencode(home: Path, _project: Path) -> None:
    _changed(home / ".config" / "opencode" / "opencode.json", permission={"bash": "ask"})


def _trust_copilot(home: Path, project: Path) -> None:
    _changed(home / ".copilot" / "config.json", trusted_folders=[str(project)])


_TRUST = {
    "claude": _trust_claude,
    "codex": _trust_codex,
    "gemini": _trust_gemini,
    "opencode": _trust_opencode,
    "copilot": _trust_copilot,
}
