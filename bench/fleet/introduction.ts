/** What stands over the figures. */
export const introduction = `## A fleet

\`./dev bench fleet\`: several proxies with their schedule and their ledger in one Redis (7, nothing on disk). Each proxy, Redis, the PACS and the
modalities are network namespaces of their own, with veth pairs on one bridge; all share this machine's cores. The PACS is a program of the
bench that reads all and keeps nothing but SOP Instance UIDs, from whom and when; instances are counted there. Modalities are DCMTK's \`storescu\`,
\`TCP_NODELAY=1\`. Configuration as usual, but a PACS that is down is asked five times a second, retries come after 0.1 to 0.5 s, studies close after a
second, \`integrity.verify\` is off, nothing is exported.`;
