"""The benchmark suite that ships with the package; docs/benchmarks.md tells how to read what it says.

=================  ==========================================================================
harness            who takes turns, and a ratio with its interval
reference          the frozen work by which machines and years compare
tape               the audio that goes in; how right and how late it comes out
candidates         what a candidate is; ``ours`` and ``peers`` are those that there are
core_case          the audio core beside its peers, with ``counts`` and ``hops``
call_case          ten spoken questions to the demo, and ``interruptions`` of its answers
media              calls on one core and over bad networks; stations of a call
against, worker    another build, in a process of its own
budgets            limits, and the rule by which a gate fails
report, plot       a run as JSON, as tables and as a picture
=================  ==========================================================================
"""
