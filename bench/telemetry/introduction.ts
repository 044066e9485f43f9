/** What stands over the figures. */
export const introduction = `## Telemetry and the ledger

\`./dev bench telemetry\`: DCMTK's \`storescu\` through the proxy to \`storescp --ignore\`, \`TCP_NODELAY=1\`, all on loopback, in interleaved rounds
after a warm-up, other studies each round. off: neither telemetry nor the ledger (\`OTEL_SDK_DISABLED=true\`, \`integrity.enabled: false\`); on: spans
and metrics to a collector, the ledger in SQLite, studies closed a second after they have gone quiet. A collector that hangs takes what it is sent
and never answers. Open studies lie in the ledger at the start, two instances each, and stay open; studies due are the same, to be closed and
told as soon as it comes to them. × off is the ratio to the run with telemetry off of the same round; CPU is user and system, what it does until
2.5 s after the sender has ended included; start is the time to \`/readyz\`, once. Dropped: as \`/metrics\` says, over all rounds and the warm-up;
spans that found no room to wait for their export, or whose export failed; events that found no room on their way to telemetry or the ledger.
\`integrity.verify\` is off: the PACS here answers no C-FIND.

What an open study costs is measured in a process of its own, garbage collected before each look; a fifth as many studies come before. CPU is that
of the process in a loop: for the ledger what its thread does, writing included. tracker: what telemetry keeps of open studies, bounded at 1,000.`;
