# The service and the command in one image, for the processor alone (no CUDA).
#
#   docker build --build-arg TORCH_INDEX="$TORCH_INDEX" -t afterword .
#   docker run -v afterword:/data -p 127.0.0.1:8000:8000 \
#       -e AFTERWORD_HOST=0.0.0.0 -e AFTERWORD_API_KEY=... afterword
#
# TORCH_INDEX is an additional package index. PyTorch's public index of CPU builds is wanted wherever
# the usual index would give the CUDA build of torch; leave it empty where the usual index has the
# CPU build. docs/decisions/003-container.md says why the image is as it is.

FROM python:3.11-slim-bookworm AS build
ARG TORCH_INDEX=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/afterword
ENV PATH=/opt/afterword/bin:$PATH
WORKDIR /build

COPY requirements.txt ./
RUN pip install --no-compile ${TORCH_INDEX:+"--extra-index-url=${TORCH_INDEX}"} \
        -r requirements.txt \
    && python -c "import torch; assert torch.version.cuda is None, 'this torch is built for CUDA: build the image with --build-arg TORCH_INDEX=URL, the URL of the index of CPU builds that the installation page of PyTorch names'"

COPY LICENSE README.md afterword.py pyproject.toml ./
COPY indexes indexes
COPY ingest ingest
COPY service service
RUN pip install --no-compile --no-deps . \
    && pip check

# torch/bin/torch_shm_manager stays: torch looks for it when it is imported.
RUN cd /opt/afterword/lib/python3.11/site-packages \
    && find . -depth -type d \( -name tests -o -name __pycache__ \) -exec rm -rf {} + \
    && rm -rf torch/include torch/share torch/test openvino/include openvino/cmake \
    && find torch/bin -type f ! -name torch_shm_manager -delete \
    && find . -name '*.a' -delete \
    && pip uninstall --yes setuptools pip

# Bytecode only for what every start imports: the file system of a container may be read-only.
WORKDIR /
RUN PYTHONDONTWRITEBYTECODE= python -c "import afterword, ingest.pipeline, indexes.collection, indexes.encoder, service.app"


FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 afterword \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin \
        afterword \
    && install -d -m 0750 -o 10001 -g 10001 /data
COPY --from=build /opt/afterword /opt/afterword

# The image holds its models, so nothing is to be fetched. Whoever wants a model from the hub sets
# HF_HUB_OFFLINE=0; it is then kept in the volume.
ENV PATH=/opt/afterword/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AFTERWORD_DATA=/data \
    HF_HOME=/data/.hub \
    HF_HUB_OFFLINE=1

USER 10001:10001
WORKDIR /opt/afterword
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/health'); raise SystemExit(c.getresponse().status != 200)"]
CMD ["afterword", "serve"]
