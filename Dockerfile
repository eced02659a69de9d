# Two stages: what builds stays behind, so the image that runs holds Python, the locked packages and nothing to compile
# or install with. tests/process/test_packaged.py runs these steps outside of a container.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements/ requirements/
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
# With traces: --build-arg LOCKS="-r requirements/runtime.lock -r requirements/otel.lock"
ARG LOCKS="-r requirements/runtime.lock"
RUN python -m venv --without-pip /opt/ai-gateway \
    && uv pip install --no-cache --compile-bytecode --python /opt/ai-gateway/bin/python --require-hashes $LOCKS \
    && uv pip install --no-cache --system --require-hashes -r requirements/build.lock
COPY pyproject.toml README.md LICENSE ./
COPY src/ src/
RUN uv build --wheel --offline --no-build-isolation --python "$(command -v python)" --out-dir dist . \
    && uv pip install --no-cache --offline --no-deps --compile-bytecode --python /opt/ai-gateway/bin/python dist/*.whl

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin gateway \
    && install -d -o gateway -g gateway -m 0700 /data \
    && python -m pip uninstall --yes --quiet pip setuptools wheel
COPY --from=build /opt/ai-gateway /opt/ai-gateway
COPY --from=build /build/LICENSE /usr/share/doc/ai-gateway/LICENSE
# Large bodies come from the heap and not from a fresh mapping each, which costs a page fault for every 4 KiB of them.
ENV PATH="/opt/ai-gateway/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_MMAP_THRESHOLD_=33554432 \
    HOST=0.0.0.0 \
    PORT=8000 \
    AI_GATEWAY_DATA_DIR=/data
WORKDIR /data
VOLUME /data
EXPOSE 8000
USER gateway
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=2)"]
CMD ["ai-gateway", "serve"]
