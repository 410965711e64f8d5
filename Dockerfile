# The gateway as a small image: Debian without packages of its own, the Node binary, the compiled program and what it needs to run.
# No npm, no compiler, no sources; runs as a user without rights, and writes nowhere but /tmp.
#
# Give the images by digest where you build for others:
#   docker build --build-arg NODE_IMAGE=node@sha256:… --build-arg BASE_IMAGE=debian@sha256:… -t manifold .
ARG NODE_IMAGE=node:24-bookworm-slim
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Scripts are of no use here: they build, and fetch a Node for development.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm ci --ignore-scripts --no-audit --no-fund --omit=dev

FROM ${BASE_IMAGE}
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
COPY package.json LICENSE /app/
ENV NODE_ENV=production
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /tmp
EXPOSE 1975 1064 1066
# Signals reach the process itself, which drains on SIGTERM.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["--help"]
