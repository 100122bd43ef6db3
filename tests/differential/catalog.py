"""What of a catalog the cases are about: chosen by what the catalog holds, always the same."""

import re

SEARCH = """
query pick($input: SearchAcrossEntitiesInput!) {
  searchAcrossEntities(input: $input) {
    total
    searchResults { entity { urn } }
    facets { field aggregations { value } }
  }
}"""
LINEAGE = """
query pick($input: SearchAcrossLineageInput!) {
  searchAcrossLineage(input: $input) { total searchResults { degree entity { urn } } }
}"""
# The most datasets that are looked at for one with lineage.
LOOKED_AT = 60


class Picks:
    """Urns and words; a list is empty and a value none where the catalog has nothing of the kind."""

    def __init__(self, datahub):
        self.datahub = datahub
        everything = self._search(None, 1)
        self.facets = {
            facet["field"]: [value["value"] for value in facet["aggregations"]] for facet in everything["facets"]
        }
        self.datasets = self.urns("DATASET")
        self.documents = self.urns("DOCUMENT")
        self.tags = self.urns("TAG")
        self.terms = self.urns("GLOSSARY_TERM")
        self.domains = self.urns("DOMAIN")
        self.users = self.urns("CORP_USER")
        self.groups = self.urns("CORP_GROUP")
        self.properties = self._properties()
        self.queries = self.urns("QUERY")
        self._lineage()
        self.asked = self._subject()
        self.one_of_each = [urns[0] for kind in KINDS if (urns := self.urns(kind))]
        name = self.datahub.aspects(self.hub).get("datasetProperties", {}).get("name") or self.hub.split(",")[1]
        self.words = [word for word in re.split(r"[^A-Za-z]+", name.lower()) if len(word) > 2] or ["data"]

    def urns(self, kind):
        found = self._search([kind], 1000)["searchResults"]
        return sorted(hit["entity"]["urn"] for hit in found)

    def columns(self, urn):
        fields = self.datahub.aspects(urn).get("schemaMetadata", {}).get("fields", [])
        return [field["fieldPath"] for field in fields]

    def _search(self, types, count):
        given = {"query": "*", "start": 0, "count": count, **({"types": types} if types else {})}
        return self.datahub.graphql(SEARCH, input=given)["searchAcrossEntities"]

    def _upstream(self, urn, count):
        given = {"urn": urn, "direction": "UPSTREAM", "query": "*", "start": 0, "count": count}
        return self.datahub.graphql(LINEAGE, input=given)["searchAcrossLineage"]

    def _lineage(self):
        """`hub` comes from the most; `source` is its farthest dataset; `column` one that comes from another."""
        totals = {urn: self._upstream(urn, 0)["total"] for urn in self.datasets[:LOOKED_AT]}
        self.hub = max(totals, key=lambda urn: (totals[urn], urn))
        found = self._upstream(self.hub, 100)["searchResults"]
        far = [hit["entity"]["urn"] for hit in found if hit["entity"]["urn"].startswith("urn:li:dataset:")]
        self.source = far[-1] if far else None
        self.column = self.from_column = None
        for urn in [self.hub, *self.datasets]:
            fine = self.datahub.aspects(urn).get("upstreamLineage", {}).get("fineGrainedLineages") or []
            for edge in fine:
                if edge.get("upstreams") and edge.get("downstreams"):
                    self.column = split_column(edge["downstreams"][0])
                    self.from_column = split_column(edge["upstreams"][0])
                    return

    def _subject(self):
        """A dataset that queries are about."""
        for query in self.queries:
            for subject in self.datahub.aspects(query).get("querySubjects", {}).get("subjects", []):
                if subject["entity"].startswith("urn:li:dataset:"):
                    return subject["entity"]
        return self.hub

    def _properties(self):
        """Structured properties that datasets may have and that take any text."""
        good = []
        for urn in self.urns("STRUCTURED_PROPERTY"):
            definition = self.datahub.aspects(urn).get("propertyDefinition", {})
            kinds = definition.get("entityTypes", [])
            text = definition.get("valueType", "").endswith("datahub.string")
            if any(kind.endswith("dataset") for kind in kinds) and text and not definition.get("allowedValues"):
                good.append(urn)
        return good


KINDS = [
    "DATASET", "CHART", "DASHBOARD", "DATA_FLOW", "DATA_JOB", "CONTAINER", "GLOSSARY_TERM", "GLOSSARY_NODE",
    "TAG", "DOMAIN", "CORP_USER", "CORP_GROUP", "DATA_PRODUCT", "MLMODEL", "MLFEATURE_TABLE",
]  # fmt: skip


def split_column(urn):
    """The dataset and the column that a schema field's urn names."""
    inner = urn.removeprefix("urn:li:schemaField:(").removesuffix(")")
    dataset, _, column = inner.rpartition("),")
    return f"{dataset})", column
