# radiotracer as an image: Node 24 and what `pnpm deploy` leaves of the packages. No npm, no compiler, no root.
#   docker build -t radiotracer .
#   docker run --stop-timeout 60 -p 11112:11112 -v ./radiotracer.yaml:/etc/radiotracer/radiotracer.yaml -v spool:/var/lib/radiotracer radiotracer
# Docker kills after 10 s what `shutdown.drain` gives 30 s to end. An `admin.port` other than 8080 is set by RADIOTRACER_ADMIN_PORT, which HEALTHCHECK reads.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /src
COPY . .
# Of test and bench only the manifests are here, because the lock file names them.
RUN CI=true npx -y pnpm@12.21.0 install --frozen-lockfile \
 && node_modules/.bin/tsc -b apps/cli \
 && npx -y pnpm@12.21.0 --filter @radiotracer/cli deploy --prod /app \
 && chmod +x /app/dist/main.js /app/dist/lab/modality.js

FROM node:24.21.0-bookworm-slim
RUN rm -rf /usr/local/lib/node_modules /opt/yarn* /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn* \
 && mkdir -p /var/lib/radiotracer /etc/radiotracer \
 && chown node:node /var/lib/radiotracer \
 && ln -s /app/dist/main.js /usr/local/bin/radiotracer \
 && ln -s /app/dist/lab/modality.js /usr/local/bin/radiotracer-modality
COPY --from=build /app /app
ENV NODE_ENV=production
USER node
# spool.dir is ./var/spool unless the configuration says otherwise: below this folder, which is to be a volume.
WORKDIR /var/lib/radiotracer
VOLUME /var/lib/radiotracer
EXPOSE 11112 8080
# That the process lives and answers. Whether it takes associations is /readyz, for whoever sends it some.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.RADIOTRACER_ADMIN_PORT || 8080}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["radiotracer"]
CMD ["start"]
