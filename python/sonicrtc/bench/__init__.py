"""The benchmark suite that ships with the package.

:mod:`harness` measures and decides; every ``*_case`` module has a ``run()`` that returns a report.
"""
