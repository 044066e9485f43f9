/** What stands over the figures. */
export const introduction = `## The goals

\`./dev bench\`: what radiotracer wants to be, and what it is. Senders are DCMTK's \`storescu\` (our own where each instance has an association), the
PACS is \`storescp --ignore\`, \`TCP_NODELAY=1\`, all on loopback; telemetry is on, to a collector that takes everything, and so is the ledger, unless a
line says otherwise. Runs are in turns, after a warm-up that is not counted; the figure is the median over the rounds of the ratio within a
round, with the least and the greatest of them.

- 500 × 0.5 MB, 20 × 20 MB, 5,000 × 8 KB, one association each: as \`./dev bench relay\` has them, which has more peers. Telemetry off:
  \`OTEL_SDK_DISABLED=true\`; the ledger stays.
- 8 senders at once: a \`storescu\` each, started together, to a \`storescp --fork\`. Their rate together is by the time of the last of them; how
  even their shares are, by the time of the slowest over that of the fastest, each by its own time.
- Peak memory: VmHWM. The large instance is made while it is sent, and only its digest is kept at the other end. The busy associations are
  \`storescu\` into a PACS that reads 40 MB/s from all of them together, the idle ones negotiated and left open, at both ends.
  The floor relay gets the same: what it holds is Node, and 256 KiB to read into for every socket, also for one that is idle.
- Store-and-forward: nothing listens at the destination. dd: \`dd bs=1M conv=fsync\` for each file, one after the other from a shell, or eight such
  shells, beside the spool. What was kept stays there while the next rounds run.
- Draining: as \`./dev bench queue drain\` has it. The floor sender is the least that delivers files from Node: reads one while it sends another,
  awaits the response, keeps no books, checks no digest and removes nothing.
- Orthanc: its own storage and index, its defaults (it syncs each file), and the Lua script of its book: \`OnStoredInstance\`, \`SendToModality\`,
  \`Delete\`. One study of so many instances; its time is from the start of \`storescu\` until it holds nothing any more, store-and-forward's until
  the spool is empty; relayed is the time of \`storescu\`. dd syncs once for each file; a file of ours is synced, renamed, and its folder synced. What waits in Orthanc is one job that is saved at every step: the larger the study, the slower.
- Start: every entry is a file in \`waiting\`, with the whole front that the spool gives it and its own id, UIDs and time in it; the data set is a hole
  of 525 kB, which a start does not read. They came evenly over a day, 500 to a study. There is no schedule yet; it is built while modalities
  are served. What is read is in the page cache: a disk is not measured.
- Event loop: \`nodejs.eventloop.delay.p99\` of the thread that serves associations, over a time in which four senders relay 0.5 MB, two 8 KB, and
  two more are kept first (store-and-forward) and forwarded at the same time.`;
