"""The reading API under /api/v1, described by its own OpenAPI document."""

from flask import Blueprint, Response, current_app, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from spectree import Response as Answers
from spectree import SpecTree

from kpulse import __version__
from kpulse.api.access import may_read
from kpulse.errors import KpulseError, UsageError
from kpulse.indicators.catalogue import CATALOGUE
from kpulse.installation import Installation
from kpulse.values.answer import answer
from kpulse.values.questions import read_question

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
spec = SpecTree(
    "flask", title="Knowledge Pulse", version=__version__, path="api/v1/docs", annotations=False, page_templates={}
)


class Query(BaseModel):
    """What to ask for; ``to`` is exclusive. Without a period: the last 28 days."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    start: str | None = Field(None, alias="from", description="First day, ISO.")
    end: str | None = Field(None, alias="to", description="The day after the last, ISO.")
    team: str | None = Field(None, description="One team instead of the organisation.")
    by: str | None = Field(None, description="`team`: all teams side by side.")
    grain: str | None = Field(None, description="day, week, month, quarter or year: split the period.")
    indicator: str | None = Field(None, description="Keys of indicators, separated by commas; all without it.")


class IndicatorValue(BaseModel):
    """A value; null comes with a reason."""

    model_config = ConfigDict(populate_by_name=True)

    indicator: str
    group: str
    start: str = Field(alias="from")
    end: str = Field(alias="to")
    x: int | None
    n: int | None
    value: float | None
    low: float | None
    high: float | None
    status: str
    reason: str | None
    as_of: str | None


class Problem(BaseModel):
    """One sentence that says what to do."""

    error: str
    kind: str


@blueprint.before_request
def check_access() -> tuple[Response, int] | None:
    """Refuse who may not read."""
    if may_read():
        return None
    return jsonify(error="Sign in, or send a token made with: kpulse user token NAME", kind="access"), 401


@blueprint.errorhandler(KpulseError)
def explain_error(error: KpulseError) -> tuple[Response, int]:
    """Errors as JSON."""
    return jsonify(error=str(error), kind=error.kind), 400 if isinstance(error, UsageError) else 503


@blueprint.get("/indicators")
@spec.validate(
    query=Query, resp=Answers(HTTP_200=list[IndicatorValue], HTTP_400=Problem, HTTP_401=Problem), skip_validation=True
)
def indicators() -> Response:
    """Values of indicators for a period, as a list."""
    query = _read_query()
    installation: Installation = current_app.extensions["installation"]
    today = installation.today()
    question = read_question(
        today,
        start=query.start,
        end=query.end,
        team=query.team,
        by=query.by,
        grain=query.grain,
        indicators=query.indicator.split(",") if query.indicator else None,
    )
    with installation.database.reading() as connection:
        values = answer(connection, question, installation.rules(connection), today)
    return jsonify([value.as_json() for value in values])


def _read_query() -> Query:
    try:
        return Query.model_validate(request.args.to_dict())
    except ValidationError as error:
        names = ", ".join(str(wrong["loc"][0]) for wrong in error.errors())
        raise UsageError(f"The API does not know: {names}. See /api/v1/docs/openapi.json.") from None


@blueprint.get("/catalogue")
def catalogue() -> Response:
    """What every indicator means, how it is computed and what fools it."""
    return jsonify(
        [
            {
                "indicator": entry.key,
                "title": entry.title,
                "question": entry.question,
                "formula": entry.formula,
                "unit": entry.unit,
                "direction": dict(entry.direction),
                "fools": entry.fools,
                "act": entry.act,
                "source": entry.source,
            }
            for entry in CATALOGUE.values()
        ]
    )
