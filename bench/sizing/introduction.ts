/** What stands over the figures. */
export const introduction = `## Sizing

\`./dev bench sizing\`: what docs/sizing.md needs and no other bench measures, and its model against the proxy. Memory of an association: highest
resident memory with many open at once against one at a time, each storing two instances of 0.5 MB. Telemetry: bytes of requests to a collector
that takes all, of works that differ in one thing. Mixed work: 720 CT slices of 0.5 MB in 4 studies, 92 studies of 5 instances of 8 KB, 5 of 4 of
20 MB, an association each, the three kinds at the same time, by \`storescu\` through the proxy to \`storescp --fork --ignore\`; predicted from what the
other benches have kept and from the figures above.`;
