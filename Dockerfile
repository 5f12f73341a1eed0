# One static binary, and the user that kustomize and kpt run it as. The image has no shell, no /tmp and no writable path.
# The build context is target/image/, which `make image` creates, so the build needs no network and no base image.
FROM scratch
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="fitout" \
      org.opencontainers.image.description="Sets resources, security contexts, scrape annotations and storage classes in Kubernetes manifests" \
      org.opencontainers.image.source="https://github.com/fitout/fitout" \
      org.opencontainers.image.documentation="https://github.com/fitout/fitout#readme" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY . /
# Both hosts pass `--user nobody`, which Docker looks up in the image's /etc/passwd.
USER nobody
ENTRYPOINT ["/fitout"]
