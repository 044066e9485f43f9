/** What stands over the figures. */
export const introduction = `## Sizing

\`./dev bench sizing\`: what docs/sizing.md needs and no other bench measures, and its model against the proxy. Memory of an association: highest
resident memory with many open at once against one at a time, each storing two instances of 0.5 MB. Telemetry: bytes of requests to a collector
that takes all, of works that differ in one thing. Mixed work: 480 CT slices of 0.5 MB in 4 studies and 20 instances of 20 MB in 5, an
association for each study, by \`storescu\`; 300 instances of 8 KB in 60 studies, an association each, by a sender of the bench; the three kinds at
the same time, through the proxy to the PACS of \`./dev bench fleet\`. Predicted from what the other benches have kept and from the figures above; CPU includes
that of an idle proxy for as long as it took, and five seconds until all is told.`;
