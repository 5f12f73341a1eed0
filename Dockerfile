# One static binary and the user that kustomize and kpt run it as. There is no shell, no /tmp and nothing to write to.
# The build context is target/image/, which `make image` lays out: no network and no base image are needed.
FROM scratch
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="fitout" \
      org.opencontainers.image.description="Fits Kubernetes manifests out for one environment, and says why" \
      org.opencontainers.image.source="https://github.com/fitout/fitout" \
      org.opencontainers.image.documentation="https://github.com/fitout/fitout#readme" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY . /
# Both hosts pass `--user nobody`, which Docker looks up in the image's own /etc/passwd.
USER nobody
ENTRYPOINT ["/fitout"]
