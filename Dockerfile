# The service and the command in one image, for the processor alone (no CUDA), in two sizes:
#
#   docker build --target slim -t afterword:slim .
#   docker build --build-arg TORCH_INDEX="$TORCH_INDEX" -t afterword .
#
# `slim` has the bundled networks, and not what models of the hub need: torch, transformers
# and sentence-transformers. docs/how-to/container.md says how to run them, and
# docs/decisions/003-container.md why they are as they are. TORCH_INDEX is an additional package
# index: that of PyTorch's CPU builds is wanted wherever the usual index would give the CUDA build of
# torch; leave it empty where the usual index has the CPU build.

FROM python:3.11-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/afterword
ENV PATH=/opt/afterword/bin:$PATH
WORKDIR /build
COPY locks/slim.txt locks/
# openvino runs compiled networks on the processor here: neither its plugins for other devices nor
# its readers of other formats are used.
# No file is installed whose sha256 is not in locks/.
RUN pip install --no-compile --require-hashes --no-deps -r locks/slim.txt \
    && pip check \
    && cd /opt/afterword/lib/python3.11/site-packages \
    && rm -rf openvino/include openvino/cmake openvino/tools openvino/libs/cache.json \
    && find openvino/libs \( -name 'libopenvino_intel_[gn]pu_plugin.so' \
        -o -name 'libopenvino_*_frontend.so.*' ! -name 'libopenvino_ir_frontend.so.*' \) -delete \
    && find . -depth -type d \( -name tests -o -name __pycache__ \) -exec rm -rf {} + \
    && find . -name '*.a' -delete


# What builds the wheel, and lists all that an image is made of (CycloneDX); it is in no image itself.
FROM packages AS tools
COPY locks/tools.txt locks/
RUN python -m venv /tools \
    && /tools/bin/pip install --require-hashes --no-deps -r locks/tools.txt


FROM tools AS wheel
COPY LICENSE README.md afterword.py pyproject.toml ./
COPY indexes indexes
COPY ingest ingest
COPY service service
RUN /tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel .


FROM packages AS build-slim
COPY --from=wheel /wheel /wheel
COPY --from=tools /tools /tools
RUN pip install --no-compile --no-deps --no-index /wheel/*.whl \
    && /tools/bin/cyclonedx-py environment --output-reproducible --of JSON \
        -o /opt/afterword/afterword.cdx.json /opt/afterword/bin/python \
    && pip uninstall --yes setuptools pip
# Bytecode only for what every start imports: the file system of a container may be read-only.
WORKDIR /
RUN PYTHONDONTWRITEBYTECODE= python -c "import afterword, ingest.pipeline, indexes.collection, indexes.encoder, service.app"


FROM python:3.11-slim-bookworm AS runtime
RUN groupadd --gid 10001 afterword \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin \
        afterword \
    && install -d -m 0750 -o 10001 -g 10001 /data \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} +

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
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-m", "service.alive"]
CMD ["afterword", "serve"]


FROM runtime AS slim
COPY --from=build-slim /opt/afterword /opt/afterword


FROM packages AS build-full
ARG TORCH_INDEX=""
COPY requirements.txt ./
COPY locks/full.txt locks/
# torch has another sha256 in each index; all else is checked as above.
# torch/bin/torch_shm_manager stays: torch looks for it when it is imported.
RUN pip install --no-compile --require-hashes --no-deps -r locks/full.txt \
    && pip install --no-compile ${TORCH_INDEX:+"--extra-index-url=${TORCH_INDEX}"} \
        -r requirements.txt \
    && python -c "import torch; assert torch.version.cuda is None, 'this torch is built for CUDA: build the image with --build-arg TORCH_INDEX=URL, the URL of the index of CPU builds that the installation page of PyTorch names'" \
    && cd /opt/afterword/lib/python3.11/site-packages \
    && rm -rf torch/include torch/share torch/test \
    && find torch/bin -type f ! -name torch_shm_manager -delete \
    && find . -depth -type d \( -name tests -o -name __pycache__ \) -exec rm -rf {} + \
    && find . -name '*.a' -delete
COPY --from=wheel /wheel /wheel
COPY --from=tools /tools /tools
RUN pip install --no-compile --no-deps --no-index /wheel/*.whl \
    && pip check \
    && /tools/bin/cyclonedx-py environment --output-reproducible --of JSON \
        -o /opt/afterword/afterword.cdx.json /opt/afterword/bin/python \
    && pip uninstall --yes setuptools pip
WORKDIR /
RUN PYTHONDONTWRITEBYTECODE= python -c "import afterword, ingest.pipeline, indexes.collection, indexes.encoder, service.app"


FROM runtime AS full
COPY --from=build-full /opt/afterword /opt/afterword
