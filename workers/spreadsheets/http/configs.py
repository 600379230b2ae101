"""Which operators may fill a column in, and what configures each: checked before it is stored."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ValidationError

from core.web import Refused
from workers.spreadsheets.model import Classify, HttpJson, Language, Lookup, Transform
from workers.spreadsheets.model.formulas import Formulas
from workers.spreadsheets.model.pages import Pages

CONFIGS: Final[dict[str, type[BaseModel]]] = {
    "spreadsheets.classify": Classify,
    "spreadsheets.fetch_page": Pages,
    "spreadsheets.formula": Formulas,
    "spreadsheets.http_json": HttpJson,
    "spreadsheets.llm": Language,
    "spreadsheets.lookup": Lookup,
    "spreadsheets.transform": Transform,
}


def check_config(operator: str | None, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as it is stored. Raises Refused 422 with the field."""
    if not operator:
        if config:
            raise Refused(422, "config", "a plain column has no configuration; name its operator, too", field="config")
        return {}
    if operator not in CONFIGS:
        known = ", ".join(sorted(CONFIGS))
        raise Refused(422, "operator", f"no such operator fills a column in; choose one of {known}", field="operator")
    try:
        CONFIGS[operator].model_validate(config)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(("config", *(str(part) for part in fault["loc"])))
        raise Refused(422, "config", f"{where}: {fault['msg']}; correct it and send it again", field=where) from None
    return config
