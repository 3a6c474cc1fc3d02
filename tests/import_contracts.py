"""A contract that import-linter does not have: which names a package may import, as a list of what is allowed.

The built-in contracts list what is forbidden, and a vendor nobody thought of would pass them.
"""

from __future__ import annotations

import sys
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyAllowed(Contract):
    """``source_package`` imports itself, ``allowed_packages`` and the standard library, never ``forbidden_modules``."""

    type_name = "only_allowed"

    source_package = fields.StringField()
    allowed_packages = fields.SetField(subfield=fields.StringField(), required=False)
    forbidden_modules = fields.SetField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        source = str(self.source_package)
        packages = cast("set[str] | None", self.allowed_packages) or set()
        forbidden = cast("set[str] | None", self.forbidden_modules) or set()
        allowed = ({source} | packages | sys.stdlib_module_names) - forbidden
        modules = {source, *graph.find_descendants(source)}
        found = [
            (importer, imported)
            for importer in sorted(modules)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if allowed.isdisjoint(_packages_around(imported))
        ]
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported in check.metadata["found"]:
            output.print_error(f"{importer} must not import {imported}.", bold=False)
        output.new_line()


def _packages_around(module: str) -> set[str]:
    """``a.b.c`` is inside ``a``, ``a.b`` and itself."""
    parts = module.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
