# The dashboard for a machine without a GPU: CPU wheels, no compiler, no root.
#   docker build --build-arg TORCH_INDEX=... -t crossover . && docker run --rm -p 127.0.0.1:8501:8501 -v crossover:/data crossover
# TORCH_INDEX: the package index that https://pytorch.org/get-started/locally/ names for "CPU", or for the CUDA of an
# NVIDIA GPU (then run with --gpus all). Without it PyPI's build is taken, which brings gigabytes of CUDA.

FROM python:3.12-slim AS build
ARG TORCH_INDEX
WORKDIR /build
RUN python -m venv /venv
COPY requirements.txt constraints.txt ./
# The index in the environment: it is searched beside PyPI, and the CPU's wheels (2.13.0+cpu) count as the newer ones.
RUN PIP_EXTRA_INDEX_URL="$TORCH_INDEX" /venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

FROM python:3.12-slim
RUN useradd --uid 1000 --create-home crossover \
 && install --directory --owner=crossover --group=crossover /data
COPY --from=build /venv /venv
WORKDIR /home/crossover/app
COPY .streamlit/config.toml .streamlit/config.toml
COPY dashboard.py LICENSE ./
COPY core core
COPY pages pages
COPY recordings recordings
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CROSSOVER_DATA_DIR=/data \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501
USER 1000
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
# An array: the signal to stop reaches the server, which then keeps what is being measured.
CMD ["python", "-m", "streamlit", "run", "dashboard.py"]
