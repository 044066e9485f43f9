/** What stands over the figures. */
export const introduction = `## Relay

\`./dev bench relay\`: DCMTK's \`storescu\` (our own sender where each instance has an association) to \`storescp --ignore\`, \`TCP_NODELAY=1\`,
all on loopback, one peer at a time in between, in interleaved rounds after a warm-up. × direct is the ratio to the direct run of the
same round; CPU is the peer's own, user and system, what it does after the sender has ended included (spans leave within a second here); peak is
its resident memory. socat: \`-b 262144\`; HAProxy: TCP mode with splicing; blind pipe: two sockets and two \`pipe()\`s in Node; pooled
pipe: the same with 256 KiB buffers used again; floor relay: the least that a relay of associations does: reads as
the pooled pipe, PDU borders, and a connection that is opened when the A-ASSOCIATE-RQ has come (until 2026-11-29 it read as the blind pipe); dcmjs-dimse: a server that forwards each C-STORE by a client, small work only, one round.`;
