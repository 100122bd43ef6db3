"""compare.py NAME [FILE...]: every tool that both servers have, on both, over one catalog.

The sandbox's own catalog where no metadata file is given. Reads ask the same DataHub; writes go each
to a fresh one, and what they left there is read back. A difference must be explained in
differences.yml, and an explanation must hold: with either missing the exit status is 1.
"""

import asyncio
import contextlib
import pathlib
import sys

import answers
import cases
import yaml
from catalog import Picks
from stack import call, ours, sandbox, theirs

KINDS_THAT_WRITES_MAKE = ("DOCUMENT", "TAG", "GLOSSARY_TERM", "STRUCTURED_PROPERTY")


def explained(catalog):
    """The differences that are named for this catalog: triples of tool, case and field."""
    text = pathlib.Path(__file__).with_name("differences.yml").read_text()
    return {
        (entry["tool"], case, field)
        for entry in yaml.safe_load(text)
        if catalog in entry["catalogs"]
        for case in entry["cases"]
        for field in entry["fields"]
    }


class Comparison:
    def __init__(self):
        self.found = {}
        self.cases = 0
        self.tools = set()

    def add(self, tool, case, theirs, ours):
        self.cases += 1
        self.tools.add(tool)
        if theirs.get("error") != ours.get("error"):
            # what the one that did not fail says or leaves has no counterpart
            theirs, ours = {"error": theirs.get("error")}, {"error": ours.get("error")}
        for field, *where in answers.differences(theirs, ours):
            self.found.setdefault((tool, case, field), where)


async def facts(session, tool, arguments):
    answer, said = await call(session, tool, arguments)
    # the Python server has some failures in an answer that is none
    if answer is None or answer.get("success") is False or "error" in answer:
        return {"error": True}, said
    try:
        return {"error": False, **answers.normal(tool, answer)}, answer
    except (KeyError, TypeError, AttributeError) as error:
        raise AssertionError(f"{tool} {arguments}: {error!r} in {answer}") from error


async def reads(comparison, picks, their_session, our_session):
    for tool, case, arguments in cases.reads(picks):
        their, _ = await facts(their_session, tool, arguments)
        our, _ = await facts(our_session, tool, arguments)
        comparison.add(tool, case, their, our)


async def writes(datahub, session):
    """Each write's outcome and what it left, by tool and case."""
    picks = Picks(datahub)
    outcomes = {}
    last = None
    for tool, case, arguments, touched in cases.writes(picks):
        if arguments.get("urn") == "LAST":
            arguments, touched = {**arguments, "urn": last}, [last]
        before = existing(picks)
        outcome, answer = await facts(session, tool, arguments)
        new = sorted(existing(picks) - before)
        if tool == "save_document" and not outcome["error"]:
            last = answer["urn"]
            touched = [last]
        state = {urn: answers.without_times(datahub.aspects(urn)) for urn in [*touched, *new]}
        outcomes[tool, case] = {**outcome, "state": by_aspect(state, last)}
    return outcomes


def existing(picks):
    return {urn for kind in KINDS_THAT_WRITES_MAKE for urn in picks.urns(kind)}


def by_aspect(state, document):
    """Aspects by their names, then by the entities that have them; a new document's urn is random."""
    def renamed(value):
        if isinstance(value, dict):
            return {name: renamed(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [renamed(inner) for inner in value]
        return value.replace(document, "<document>") if isinstance(value, str) and document else value

    aspects = {}
    for urn, values in state.items():
        for name, value in values.items():
            if not name.endswith("Key"):
                aspects.setdefault(name, {})[renamed(urn)] = renamed(value)
    return aspects


async def main(name, files):
    comparison = Comparison()
    async with contextlib.AsyncExitStack() as stack:
        mine = await stack.enter_async_context(sandbox(files))
        other = await stack.enter_async_context(sandbox(files))
        our_session = await stack.enter_async_context(ours(mine))
        common = await both_have(our_session, stack, mine, comparison)
        their_session = await stack.enter_async_context(theirs(other))
        their_outcomes = await writes(other, their_session)
        our_outcomes = await writes(mine, our_session)
    for key in their_outcomes.keys() | our_outcomes.keys():
        comparison.add(*key, their_outcomes.get(key, {}), our_outcomes.get(key, {}))
    return judge(name, comparison, common)


async def both_have(our_session, stack, datahub, comparison):
    """Compares the reads; returns the tools that both have."""
    async with theirs(datahub) as their_session:
        tools = [{tool.name for tool in (await one.list_tools()).tools} for one in (their_session, our_session)]
        assert tools[0] <= tools[1], f"missing here: {sorted(tools[0] - tools[1])}"
        await reads(comparison, Picks(datahub), their_session, our_session)
        return tools[0]


def judge(name, comparison, common):
    known = explained(name)
    bad = False
    for key in sorted(comparison.found.keys() - known):
        bad = True
        path, *both = comparison.found[key]
        print(f"not explained: {', '.join(key)}\n  at {path[:200]}")
        print("  theirs: {}\n  ours:   {}".format(*excerpts(*both)))
    for key in sorted(known - comparison.found.keys()):
        bad = True
        print(f"explained, but it does not occur: {', '.join(key)}")
    if name == "shop" and comparison.tools != common:
        bad = True
        print(f"without a case: {sorted(common - comparison.tools)}")
    differ = len({key[:2] for key in comparison.found})
    print(f"{comparison.cases} cases of {len(comparison.tools)} tools: {comparison.cases - differ} the same, {differ} explained")
    return bad


def excerpts(theirs, ours):
    """The two values from shortly before where they part."""
    theirs, ours = str(theirs), str(ours)
    same = next((at for at, pair in enumerate(zip(theirs, ours)) if pair[0] != pair[1]), 0)
    return [text[max(0, same - 100) : same + 300] for text in (theirs, ours)]


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1], sys.argv[2:])))
