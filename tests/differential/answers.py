"""Both servers' answers in one form, so that they can be compared. Nothing of what is compared is
made up here: a fact that an answer lacks is absent."""


class Shared(dict):
    """Facts of which each server gives its own choice: compared where both give one."""


def normal(tool, answer):
    """The facts of an answer of either server."""
    return BY_TOOL[tool](answer)


def search(answer):
    hits = [hit["entity"] for hit in answer.get("searchResults", [])]
    facets = {
        facet["field"]: Shared({value["value"]: value["count"] for value in facet["aggregations"]})
        for facet in answer.get("facets", [])
        if facet.get("aggregations")
    }
    return {
        "total": answer["total"],
        "urns": [hit["urn"] for hit in hits],
        "names": Shared({hit["urn"]: name for hit in hits if (name := name_of(hit))}),
        "facets": Shared(facets),
    }


def is_flat(entity):
    """In ours the members of an entity have no layers."""
    return "properties" not in entity and not isinstance(entity.get("platform"), dict)


def name_of(entity):
    layered = (entity.get("properties") or {}).get("name") or (entity.get("info") or {}).get("title")
    return layered or (entity.get("name") if is_flat(entity) else None)


def get_entities(answer):
    entities = answer.get("entities", answer.get("result", answer))
    entities = entities if isinstance(entities, list) else [entities]
    return {entity["urn"]: facts(entity) for entity in entities}


def facts(entity):
    """What both say of an entity, wherever they say it."""
    if "error" in entity:
        return {"error": True}
    info = entity.get("info") or {}
    known = {
        "name": name_of(entity),
        **(flat(entity) if is_flat(entity) else layered(entity)),
        "deprecated": (entity.get("deprecation") or {}).get("deprecated") or None,
        "subjects": subjects(entity),
        "text": (info.get("contents") or {}).get("text"),
        "columns": columns(entity),
    }
    return Shared({name: value for name, value in known.items() if value not in (None, [], {})})


def flat(entity):
    """Facts of ours."""
    return {
        "description": entity.get("description"),
        "owners": [[owner["urn"], owner.get("ownershipType")] for owner in entity.get("owners", [])],
        "tags": labels(entity, "tags", "tags", "tag"),
        "terms": labels(entity, "glossaryTerms", "terms", "term"),
        "domain": ((entity.get("domain") or {}).get("domain") or {}).get("urn"),
        "structuredProperties": {one["urn"]: one["values"] for one in entity.get("structuredProperties", [])},
        "customProperties": entity.get("customProperties"),
        "statement": (entity.get("statement") or {}).get("value"),
    }


def layered(entity):
    """The same of theirs."""
    structured = (entity.get("structuredProperties") or {}).get("properties", [])
    properties = entity.get("properties") or {}
    return {
        "description": (entity.get("editableProperties") or {}).get("description") or properties.get("description"),
        "owners": [
            [owner["owner"]["urn"], kind_of(owner.get("ownershipType") or {})]
            for owner in (entity.get("ownership") or {}).get("owners", [])
        ],
        "tags": labels(entity, "tags", "tags", "tag"),
        "terms": labels(entity, "glossaryTerms", "terms", "term"),
        "domain": ((entity.get("domain") or {}).get("domain") or {}).get("urn"),
        "structuredProperties": {
            one["structuredProperty"]["urn"]: [value_of(value) for value in one["values"]] for one in structured
        },
        "customProperties": {pair["key"]: pair.get("value") for pair in properties.get("customProperties", [])},
        "statement": (properties.get("statement") or {}).get("value"),
    }


def kind_of(ownership):
    return (ownership.get("info") or {}).get("name") or ownership.get("urn")


def value_of(value):
    return value.get("stringValue", value.get("numberValue"))


def labels(entity, outer, inner, one):
    return [label[one]["urn"] for label in (entity.get(outer) or {}).get(inner, [])]


def columns(entity):
    fields = entity.get("fields") or (entity.get("schemaMetadata") or {}).get("fields") or []
    return {field["fieldPath"]: column(field) for field in fields}


def column(field):
    """What people put on a column goes before what the source says; one server keeps the two apart."""
    description = field.get("editedDescription") or field.get("description") or ""
    return {
        "type": field.get("nativeDataType"),
        "nullable": field.get("nullable") or False,
        "description": description[:DESCRIPTION_COMPARED],
        "tags": len(field.get("editedTags") or field.get("tags") or []),
        "terms": len(field.get("editedGlossaryTerms") or field.get("glossaryTerms") or []),
    }


# The Python server cuts a column's description after 120 characters.
DESCRIPTION_COMPARED = 100


def list_schema_fields(answer):
    return {
        "total": answer["totalFields"],
        "remaining": answer["remainingCount"],
        "matching": answer.get("matchingCount"),
        "order": [field["fieldPath"] for field in answer.get("fields", [])],
        "columns": Shared({field["fieldPath"]: column(field) for field in answer.get("fields", [])}),
    }


def get_lineage(answer):
    side = "upstreams" if "upstreams" in answer else "downstreams"
    page = answer[side]
    hits = page.get("searchResults", [])
    degrees = page.get("byDegree")
    if degrees is None:
        named = [facet for facet in page.get("facets", []) if facet["field"] == "degree"]
        degrees = {value["value"]: value["count"] for facet in named for value in facet["aggregations"]}
    return {
        "side": side,
        "total": page["total"],
        "byDegree": degrees,
        "urns": [hit["entity"]["urn"] for hit in hits],
        "degrees": Shared({hit["entity"]["urn"]: hit["degree"] for hit in hits}),
        "columns": Shared(
            {
                hit["entity"]["urn"]: sorted(found)
                for hit in hits
                if (found := hit.get("columns") or hit.get("lineageColumns"))
            }
        ),
    }


def get_lineage_paths_between(answer):
    steps = [[step["urn"] for step in path["path"]] for path in answer.get("paths", [])]
    return {"count": answer["pathCount"], "paths": sorted(steps)}


def get_dataset_queries(answer):
    return {
        "total": answer["total"],
        "urns": [query["urn"] for query in answer.get("queries", [])],
        "queries": {
            query["urn"]: {
                "name": query["properties"].get("name"),
                "source": query["properties"].get("source"),
                "statement": query["properties"]["statement"],
                "subjects": subjects(query),
            }
            for query in answer.get("queries", [])
        },
    }


def subjects(query):
    found = []
    for subject in query.get("subjects") or []:
        urn = subject if isinstance(subject, str) else (subject.get("dataset") or {}).get("urn")
        if urn and urn not in found:
            found.append(urn)
    return found


def get_aspect_history(answer):
    facts = {}
    for pair in answer.get("results", []):
        rows = ([pair["current"]] if pair.get("current") else []) + pair["history"]
        facts.setdefault(pair["aspectName"], {})[pair["urn"]] = history(rows, pair.get("error"))
    for pair in answer.get("history", []):
        facts.setdefault(pair["aspect"], {})[pair["urn"]] = history(pair.get("versions", []), pair.get("error"))
    return facts


def history(rows, error):
    return {"error": bool(error), "versions": [[row["version"], without_times(row["value"])] for row in rows]}


def grep_documents(answer):
    return {
        "total": answer.get("totalMatches", answer.get("total_matches")),
        "documents": {
            found["urn"]: {
                "title": found["title"],
                "total": found.get("totalMatches", found.get("total_matches")),
                "matches": [[match["position"], match["excerpt"]] for match in found["matches"]],
            }
            for found in answer.get("results", [])
            if "error" not in found
        },
    }


def get_me(answer):
    person = answer.get("data", answer)["corpUser"]
    about = person.get("info") or person.get("properties")
    return {
        "urn": person["urn"],
        "username": person["username"],
        "about": Shared({name: about.get(name) for name in ("displayName", "fullName", "email", "title")}),
        "groups": sorted(one["entity"]["urn"] for one in person["groups"]["relationships"]),
    }


def write(_answer):
    """What a write says is its own; what it did is read back."""
    return {}


def without_times(value):
    """The value without when and by which system it was written, and without what is empty."""
    if isinstance(value, dict):
        inner = {name: without_times(inner) for name, inner in value.items() if name not in STAMPS}
        return {name: value for name, value in inner.items() if value not in (None, [])}
    if isinstance(value, list):
        return [without_times(inner) for inner in value]
    return value


STAMPS = ("time", "lastModified", "created", "auditStamp")

BY_TOOL = {
    "search": search,
    "search_documents": search,
    "get_entities": get_entities,
    "list_schema_fields": list_schema_fields,
    "get_lineage": get_lineage,
    "get_lineage_paths_between": get_lineage_paths_between,
    "get_dataset_queries": get_dataset_queries,
    "get_aspect_history": get_aspect_history,
    "grep_documents": grep_documents,
    "get_me": get_me,
    "save_document": write,
    "update_description": write,
    "set_domains": write,
    "remove_domains": write,
    "add_structured_properties": write,
    "remove_structured_properties": write,
    **{f"{verb}_{what}": write for verb in ("add", "remove") for what in ("tags", "terms", "owners")},
}


def differences(theirs, ours, field="", path=""):
    """Field, full path and both values, wherever the two differ."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        shared = isinstance(theirs, Shared)
        names = [name for name in theirs if name in ours or not shared]
        names += [name for name in ours if name not in theirs and not shared]
        if shared and theirs and ours and not names and field == "facets":
            yield field, path, theirs, ours
        for name in names:
            deep = field.startswith(DEEP) or name.startswith("urn:")
            below = field if deep else f"{field}.{name}".lstrip(".")
            yield from differences(theirs.get(name), ours.get(name), below, f"{path}/{name}")
    elif theirs != ours:
        yield field, path, theirs, ours


# Below these a field is not named further.
DEEP = ("names", "degrees", "columns", "facets.", "queries", "documents", "state.")
