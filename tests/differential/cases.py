"""The calls: for each tool, names of cases and their arguments."""

ABSENT = "urn:li:dataset:(urn:li:dataPlatform:hive,nobody.has_this,PROD)"


def reads(p):
    """Triples of tool, name and arguments, over what was picked from the catalog."""
    yield from searches(p)
    yield from entities(p)
    yield from lineage(p)
    yield from paths(p)
    yield from about_a_dataset(p)
    yield from documents(p)
    yield "get_me", "the person", {}


def searches(p):
    def case(name, **arguments):
        return "search", name, arguments

    word, other = p.words[0], p.words[-1]
    yield case("everything", query="*", num_results=50)
    yield case("a word", query=word, num_results=20)
    yield case("two words", query=f"{word} {other}", num_results=20)
    yield case("a word nobody uses", query="zzyzx", num_results=5)
    yield case("/q or", query=f"/q {word} OR {other}", num_results=20)
    yield case("/q and not", query=f"/q {word} AND NOT {other}", num_results=20)
    yield case("/q beginning", query=f"/q {word[:4]}*", num_results=20)
    yield case("/q phrase", query=f'/q "{word}"', num_results=20)
    yield case("second page", query="*", num_results=5, offset=5)
    yield case("beyond the end", query="*", num_results=5, offset=9000)
    yield case("facets only", query="*", num_results=0)
    yield case("by time", query="*", filter="type = dataset", sort_by="lastOperationTime", num_results=50)
    yield case("by name, ascending", query="*", sort_by="_entityName", sort_order="asc", num_results=50)
    yield case("by relevance, named", query=word, sort_by="relevance", num_results=5)
    yield case("of a type", filter="type = dataset", num_results=50)
    yield case("of the type by its other name", filter="entity_type = dataset", num_results=50)
    yield case("of two types", filter="type IN (chart, dashboard)", num_results=50)
    yield case("not of a type", filter="NOT type = dataset", num_results=50)
    yield case("of an environment", filter="env = PROD", num_results=50)
    yield case("not of an environment", filter="env != DEV AND type = dataset", num_results=50)
    yield case("deprecated or not", filter="deprecated = true OR deprecated = false", num_results=50)
    yield case("without owner", filter="owner IS NULL AND type = dataset", num_results=50)
    yield case("with a description", filter="hasDescription = true", num_results=50)
    yield case("half a filter", filter="platform =")
    yield case("an unknown operator", filter="platform LIKE x")
    for field, name in FACETS.items():
        values = p.facets.get(field, [])
        if values:
            value = values[0]
            yield case(f"with {name}", filter=f'{name} = "{value}"', num_results=50)
            yield case(f"without {name}", filter=f'NOT {name} = "{value}" AND type = dataset', num_results=50)
        if len(values) > 1:
            both = f'"{values[0]}", "{values[1]}"'
            yield case(f"one of two: {name}", filter=f"{name} IN ({both})", num_results=50)
    platforms = [urn.split(":")[-1] for urn in p.facets.get("platform", [])]
    if len(platforms) > 1:
        a, b = platforms[:2]
        yield case("platform by name", filter=f"platform = {a}", num_results=50)
        yield case("type or platform", filter=f"type = chart OR platform = {a}", num_results=50)
        yield case(
            "and within or", filter=f"(platform = {a} AND env = PROD) OR (platform = {b} AND type = dataset)",
            num_results=50,
        )  # fmt: skip
        yield case("not one of two", filter=f"NOT (platform = {a} OR platform = {b})", num_results=50)
        yield case("words and a filter", query=word, filter=f"platform = {a}", num_results=20)


# the facet that names values -> the filter's word for it
FACETS = {
    "platform": "platform",
    "tags": "tag",
    "glossaryTerms": "glossary_term",
    "owners": "owner",
    "domains": "domain",
    "container": "container",
    "typeNames": "subtype",
}


def entities(p):
    yield "get_entities", "the hub", {"urns": [p.hub]}
    yield "get_entities", "one of each kind", {"urns": p.one_of_each}
    yield "get_entities", "many datasets", {"urns": p.datasets[:20]}
    yield "get_entities", "one that does not exist", {"urns": [p.hub, ABSENT]}
    yield "get_entities", "a bare urn", {"urns": p.hub}
    yield "get_entities", "no urn", {"urns": ["nonsense"]}
    if p.documents:
        yield "get_entities", "documents", {"urns": p.documents[:3]}
    if p.queries:
        yield "get_entities", "queries", {"urns": p.queries[:3]}
    first = (p.columns(p.hub) or ["id"])[0]
    for name, arguments in {
        "all": {},
        "first three": {"limit": 3},
        "next three": {"limit": 3, "offset": 3},
        "beyond the end": {"offset": 9000},
        "by a word": {"keywords": [first.split("_")[0].lower()]},
        "by two words": {"keywords": ["id", "name"]},
        "by a word nobody uses": {"keywords": ["zzyzx"]},
    }.items():
        yield "list_schema_fields", name, {"urn": p.hub, **arguments}
    yield "list_schema_fields", "one that does not exist", {"urn": ABSENT}


def lineage(p):
    start = p.source or p.hub
    for side, urn in (("upstream", p.hub), ("downstream", start)):
        up = side == "upstream"
        for hops in (1, 2, 3):
            yield "get_lineage", f"{side}, {hops}", {"urn": urn, "upstream": up, "max_hops": hops}
        yield "get_lineage", f"{side}, of a type", {
            "urn": urn, "upstream": up, "max_hops": 3, "filter": "type = dataset",
        }  # fmt: skip
        yield "get_lineage", f"{side}, first two", {"urn": urn, "upstream": up, "max_hops": 3, "max_results": 2}
    yield "get_lineage", "second page", {"urn": p.hub, "max_hops": 3, "max_results": 2, "offset": 2}
    yield "get_lineage", "with a word", {"urn": p.hub, "max_hops": 3, "query": p.words[0]}
    yield "get_lineage", "one that does not exist", {"urn": ABSENT}
    if p.column:
        (dataset, column), (origin, from_column) = p.column, p.from_column
        yield "get_lineage", "column, upstream", {"urn": dataset, "column": column, "max_hops": 3}
        yield "get_lineage", "column, downstream", {
            "urn": origin, "column": from_column, "upstream": False, "max_hops": 3,
        }  # fmt: skip
        yield "get_lineage", "column nobody has", {"urn": dataset, "column": "zzyzx", "max_hops": 3}


def paths(p):
    if p.source:
        ends = {"source_urn": p.source, "target_urn": p.hub}
        yield "get_lineage_paths_between", "either way", ends
        yield "get_lineage_paths_between", "downstream", {**ends, "direction": "downstream"}
        yield "get_lineage_paths_between", "the wrong way", {**ends, "direction": "upstream"}
    yield "get_lineage_paths_between", "to one that does not exist", {"source_urn": p.hub, "target_urn": ABSENT}
    if p.column:
        (dataset, column), (origin, from_column) = p.column, p.from_column
        ends = {"source_urn": origin, "target_urn": dataset}
        yield "get_lineage_paths_between", "of columns", {
            **ends, "source_column": from_column, "target_column": column,
        }  # fmt: skip
        yield "get_lineage_paths_between", "one column only", {**ends, "source_column": from_column}


def about_a_dataset(p):
    yield "get_dataset_queries", "all", {"urn": p.asked}
    yield "get_dataset_queries", "manual", {"urn": p.asked, "source": "MANUAL"}
    yield "get_dataset_queries", "system", {"urn": p.asked, "source": "SYSTEM"}
    yield "get_dataset_queries", "second", {"urn": p.asked, "start": 1, "count": 1}
    if columns := p.columns(p.asked):
        yield "get_dataset_queries", "of a column", {"urn": p.asked, "column": columns[0]}
    names = ["ownership", "globalTags", "glossaryTerms", "domains", "editableDatasetProperties"]
    yield "get_aspect_history", "never changed", {"urns": [p.hub], "aspect_names": names}
    yield "get_aspect_history", "of two", {"urns": p.datasets[:2], "aspect_names": ["ownership"], "limit": 1}
    yield "get_aspect_history", "one that does not exist", {"urns": [ABSENT], "aspect_names": ["ownership"]}


def documents(p):
    word = p.words[0]
    yield "search_documents", "everything", {}
    yield "search_documents", "a word", {"query": word}
    yield "search_documents", "first two", {"num_results": 2}
    yield "search_documents", "next two", {"num_results": 2, "offset": 2}
    yield "search_documents", "facets only", {"num_results": 0}
    yield "search_documents", "of a subtype", {"filter": "subtype IN (Runbook, FAQ, Policy)"}
    yield "search_documents", "words and meaning", {"query": word, "semantic_query": f"how is {word} made"}
    if p.documents:
        yield "grep_documents", "a word", {"urns": p.documents[:10], "pattern": f"(?i){word}"}
        yield "grep_documents", "either", {"urns": p.documents[:10], "pattern": "(?i)data|table"}
        yield "grep_documents", "short excerpts", {
            "urns": p.documents[:10], "pattern": r"\w+ing\b", "context_chars": 10, "max_matches_per_doc": 2,
        }  # fmt: skip
        yield "grep_documents", "from a place on", {
            "urns": p.documents[:3], "pattern": "(?i)the", "start_offset": 200,
        }  # fmt: skip
        yield "grep_documents", "no expression", {"urns": p.documents[:1], "pattern": "("}
    yield "grep_documents", "one that does not exist", {"urns": ["urn:li:document:zzyzx"], "pattern": "a"}


def writes(p):
    """The same, and the entities whose aspects are read back; in this order, on one catalog."""
    a, b, other = p.datasets[:3]
    columns = p.columns(p.hub)
    labels = {
        "tags": ("tag_urns", p.tags, "urn:li:tag:zzyzx"),
        "terms": ("term_urns", p.terms, "urn:li:glossaryTerm:zzyzx"),
    }
    for kind, (name, urns, absent) in labels.items():
        if not urns:
            continue
        first, last = urns[0], urns[-1]
        yield f"add_{kind}", "to two", {name: [first, last], "entity_urns": [a, b]}, [a, b]
        yield f"add_{kind}", "again", {name: [first], "entity_urns": [a]}, [a]
        yield f"add_{kind}", "one that does not exist", {name: [absent], "entity_urns": [a]}, [a]
        yield f"add_{kind}", "to nothing", {name: [first], "entity_urns": []}, [a]
        if columns:
            yield f"add_{kind}", "to a column", {
                name: [first], "entity_urns": [p.hub], "column_paths": [columns[0]],
            }, [p.hub]  # fmt: skip
            yield f"add_{kind}", "to a column nobody has", {
                name: [first], "entity_urns": [other], "column_paths": ["zzyzx"],
            }, [other]  # fmt: skip
            yield f"remove_{kind}", "from a column", {
                name: [first], "entity_urns": [p.hub], "column_paths": [columns[0]],
            }, [p.hub]  # fmt: skip
        yield f"remove_{kind}", "from one", {name: [first], "entity_urns": [a]}, [a, b]
        yield f"remove_{kind}", "from both", {name: [first, last], "entity_urns": [a, b]}, [a, b]
    owners = [urns[0] for urns in (p.users, p.groups) if urns]
    if owners:
        whose = {"owner_urns": owners, "entity_urns": [a, b]}
        yield "add_owners", "by a kind's name", {**whose, "ownership_type": "Technical Owner"}, [a, b]
        yield "add_owners", "by a kind's constant", {**whose, "ownership_type": "BUSINESS_OWNER"}, [a, b]
        yield "add_owners", "by a kind's urn", {
            **whose, "ownership_type": "urn:li:ownershipType:__system__data_steward",
        }, [a, b]  # fmt: skip
        yield "add_owners", "a kind that does not exist", {**whose, "ownership_type": "zzyzx"}, [a, b]
        yield "remove_owners", "of one kind", {**whose, "ownership_type": "BUSINESS_OWNER"}, [a, b]
        yield "remove_owners", "of every kind", whose, [a, b]
    if p.domains:
        yield "set_domains", "of two", {"domain_urn": p.domains[0], "entity_urns": [a, b]}, [a, b]
        yield "set_domains", "another", {"domain_urn": p.domains[-1], "entity_urns": [a]}, [a]
        yield "set_domains", "one that does not exist", {
            "domain_urn": "urn:li:domain:zzyzx", "entity_urns": [a],
        }, [a]  # fmt: skip
        yield "remove_domains", "from two", {"entity_urns": [a, b]}, [a, b]
    yield from descriptions(p, columns)
    for urn in p.properties[:1]:
        yield "add_structured_properties", "a text", {"property_values": {urn: ["one"]}, "entity_urns": [a, b]}, [a, b]
        yield "add_structured_properties", "another text", {"property_values": {urn: ["two"]}, "entity_urns": [a]}, [a]
        yield "remove_structured_properties", "from two", {"property_urns": [urn], "entity_urns": [a, b]}, [a, b]
    absent = {"urn:li:structuredProperty:zzyzx": ["one"]}
    yield "add_structured_properties", "one that does not exist", {"property_values": absent, "entity_urns": [a]}, [a]
    note = {"document_type": "Insight", "title": "Late again", "content": "## Why\n\nThe load waits."}
    yield "save_document", "a new one", note, []
    yield "save_document", "with what it is about", {
        **note, "topics": ["lateness"], "related_assets": [a], "related_documents": p.documents[:1],
    }, []  # fmt: skip
    yield "save_document", "over the new one", {**note, "title": "Late no more", "urn": "LAST"}, []
    yield "save_document", "without a title", {**note, "title": " "}, []
    for name in ("globalTags", "ownership", "editableDatasetProperties"):
        yield "get_aspect_history", f"after writes: {name}", {"urns": [a], "aspect_names": [name]}, []
    yield "get_aspect_history", "after writes, from a version on", {
        "urns": [a], "aspect_names": ["ownership"], "from_version": 2, "limit": 1, "include_current": False,
    }, []  # fmt: skip


def descriptions(p, columns):
    a = p.datasets[0]
    for operation, text in (("replace", "New words."), ("append", " And more."), ("remove", None)):
        arguments = {"operation": operation, **({"description": text} if text else {})}
        yield "update_description", operation, {"entity_urn": a, **arguments}, [a]
        if columns:
            yield "update_description", f"{operation}, of a column", {
                "entity_urn": p.hub, "column_path": columns[0], **arguments,
            }, [p.hub]  # fmt: skip
    yield "update_description", "replace without a text", {"entity_urn": a, "operation": "replace"}, [a]
    if columns:
        yield "update_description", "of a column nobody has", {
            "entity_urn": p.datasets[2], "column_path": "zzyzx", "description": "x",
        }, [p.datasets[2]]  # fmt: skip
    for kind, urns in (("tag", p.tags), ("term", p.terms), ("domain", p.domains)):
        if urns:
            yield "update_description", f"of a {kind}", {"entity_urn": urns[0], "description": "New words."}, urns[:1]
