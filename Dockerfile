# featx and the authorities' certificates that `featx pull` needs, nothing else. `make image`, or
#   docker build --build-arg VERSION=$(packaging/version.sh) -t featx .
#   docker run --rm -v "$PWD:/data:ro" featx extract photo.jpg
#   docker run --rm -v "$PWD:/data" --user "$(id -u):$(id -g)" featx extract -o features.npz photos/
# Models that are pulled stay in the volume /cache.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown TARGETOS=linux TARGETARCH=amd64
RUN VERSION=$VERSION packaging/dist.sh $TARGETOS/$TARGETARCH && mkdir -m 1777 /cache && mv dist/featx-* /featx

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /cache /cache
COPY --from=build /featx /featx
ENV FEATX_CACHE=/cache
VOLUME /cache
WORKDIR /data
USER 65532:65532
ENTRYPOINT ["/featx"]
CMD ["--help"]
